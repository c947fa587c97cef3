// Files with a bound.
#pragma once

#include <boost/system/result.hpp>
#include <filesystem>
#include <string>

#include "pgballast/config/environment.hpp"
#include "pgballast/config/error.hpp"

namespace pgballast::config::detail {

/// The whole of a file. Errors: it cannot be read, or holds more than `size_max` bytes.
boost::system::result<std::string, parse_error> read_file(const std::filesystem::path& path,
                                                          std::size_t size_max);

/// Where a secret named in the configuration lies: relative names are of a systemd
/// credential if there are any, else beside the configuration file.
/// https://systemd.io/CREDENTIALS/
std::filesystem::path secret_path(const std::string& name, const std::filesystem::path& file,
                                  const environment& env);

/// A secret of one line; the newline at its end is not part of it.
boost::system::result<std::string, parse_error> read_secret(const std::filesystem::path& path);

}  // namespace pgballast::config::detail
