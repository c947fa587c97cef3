// What is done for upstreams that are Neon's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// Whether a host lies under one of Neon's domains (neon.tech, neon.build).
bool is_neon_host(std::string_view host);

/// For a host of Neon's own pooler (`ep-x-pooler.…`), the direct host (`ep-x.…`).
std::optional<std::string> direct_host(std::string_view pooler_host);

/// Settles TLS and pooling for a database with a host of Neon's; leaves others alone.
///
/// - Anyone may pretend to be a host that is not verified, so `sslmode` becomes
///   verify-full against the system's roots, unless `sslrootcert` names others.
/// - Behind Neon's pooler session state and recovery cannot work: its host is replaced
///   by the direct one, or with `neon_pooler: keep` the mode is transaction.
///
/// What was changed is added to `notes`. Errors have `key` relative to the database:
/// `sslmode=disable` (Neon accepts only TLS), `keep` with mode session.
std::optional<config_error> apply_neon_rules(database& db, std::vector<std::string>& notes);

}  // namespace pgballast::config
