// Environment variables, and their place in the values of a configuration.
#pragma once

#include <boost/system/result.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pgballast/config/error.hpp"

namespace pgballast::config {

/// Looks up a variable; nothing where it is not set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

environment process_environment();

/// Replaces `${NAME}` and, where it is unset or empty, `${NAME:-default}`. What is put
/// in is not looked at again; `$${` stands for `${`; any other `$` is itself.
///
/// Errors: a variable that is not set and has no default, a name that is none, a
/// missing `}`, a result above 64 KiB.
boost::system::result<std::string, parse_error> expand(std::string_view text,
                                                       const environment& env);

}  // namespace pgballast::config
