// The lists of hosts, addresses and ports that make the places to try.
#pragma once

#include <boost/system/result.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config::detail {

/// Pairs up libpq's comma-separated `host`, `hostaddr` and `port`: as many hosts as
/// addresses where both are given; one port for all, or one for each.
///
/// Errors quote nothing: behind a password that was not encoded, these hold pieces of it.
boost::system::result<std::vector<endpoint>, parse_error> combine_hosts(std::string_view host,
                                                                        std::string_view hostaddr,
                                                                        std::string_view port);

/// A decimal number as libpq's parse_int_param takes it: blanks around it, and a sign.
std::optional<int> parse_libpq_integer(std::string_view text);

}  // namespace pgballast::config::detail
