// From file, command line and environment to the one snapshot that is served.
#pragma once

#include <boost/system/result.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pgballast/config/environment.hpp"
#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// Options of the command line; each stands above the file.
struct overrides {
    std::optional<std::string> upstream{};  // in place of all the file's databases
    std::optional<std::string> listen{};
    std::optional<std::string> admin{};  // an address, or `off`
    std::optional<std::string> log_level{};
    bool needs_database = true;  // false: who only asks a pgballast that runs
};

/// Makes the configuration, complete and valid: there is at least one database (if one is needed),
/// and each has hosts, a user and a database name.
///
/// The databases are those of `--upstream`, else of the file, else of $NEON_DB_URL,
/// else of $DATABASE_URL. A URL's database is served under its own name, and `*`
/// serves the others on the same server.
///
/// Errors: every mistake found, at most `errors_max` of them.
boost::system::result<snapshot, std::vector<config_error>> load(
    const std::optional<std::filesystem::path>& file, const overrides& command_line,
    const environment& env);

}  // namespace pgballast::config
