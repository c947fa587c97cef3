// The status as JSON: of the databases' health, and all of it.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "pgballast/admin/status.hpp"

namespace pgballast::admin {

/// RFC 3339, UTC, whole seconds: `2026-11-24T09:30:00Z`.
std::string to_text(wall_clock::time_point when);

/// One pool: what /health/database tells of it, and the rest.
boost::json::object health_json(const pool_status& of);
boost::json::object stats_json(const pool_status& of);

/// `/health/database`: each database, and `down` if one of them is, else `ok`. A database
/// that sleeps, or has never been asked for, is well.
boost::json::object health_json(const status& of);
bool is_any_down(const status& of);

/// `/api/v1/stats`: everything.
boost::json::object stats_json(const status& of);

/// `/api/v1/stories`: what became of clients whose backend was lost, the newest first; of each
/// database the last `proxy::stories::max`.
boost::json::object stories_json(const status& of);

}  // namespace pgballast::admin
