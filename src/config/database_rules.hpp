// What every database must have, wherever it was configured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config::detail {

/// Fills in what follows from the rest (the database's name, Neon's rules), and says
/// in `notes` what was decided so.
///
/// Errors: as apply_neon_rules(), and an upstream without a user.
std::optional<config_error> complete(database& db, std::vector<std::string>& notes);

}  // namespace pgballast::config::detail
