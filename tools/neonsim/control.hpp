// What may be done to the simulated Neon while it runs.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "event.hpp"
#include "parameters.hpp"

namespace neonsim {

struct world;

/// Carries out one verb (`suspend`, `restart`, `stop-silently`, `fin`, `rst`, `freeze`,
/// `thaw`, `fail`, `set`, `wake`, `stats`, `stats/reset`) and completes when it is done:
/// a suspend when PostgreSQL has ended. Returns what there is to know now.
///
/// Throws `bad_request` for an unknown verb or parameter; nothing has been done then.
task<boost::json::object> carry_out(world& on, std::string verb, parameters how);

}  // namespace neonsim
