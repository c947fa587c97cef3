// The configuration file: YAML → snapshot.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/config/environment.hpp"
#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// At most so many mistakes are reported at once.
inline constexpr std::size_t errors_max = 20;

/// Reads and validates a configuration. Keys that are not given keep their defaults;
/// there may be no databases at all. conf/pgballast.yaml shows every key.
///
/// `file` names the text in errors. Relative paths of `password_file` and
/// `upstream_file` are looked up in $CREDENTIALS_DIRECTORY, else beside `file`.
boost::system::result<snapshot, std::vector<config_error>> parse_yaml(std::string_view text,
                                                                      const std::string& file,
                                                                      const environment& env);

}  // namespace pgballast::config
