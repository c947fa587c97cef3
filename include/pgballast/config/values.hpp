// Values with units, and addresses to listen on.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::config {

inline constexpr milliseconds duration_max = std::chrono::days{1000};

/// `500ms`, `30s`, `5m`, `1h`, `7d`, or `0`; nothing for other texts and above `duration_max`.
std::optional<milliseconds> parse_duration(std::string_view text);

/// Bytes: `4096`, `64KiB`, `1MiB`, `1GiB`; nothing for other texts and what overflows.
std::optional<std::size_t> parse_size(std::string_view text);

/// Decimal digits only.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

/// YAML's words: true, yes, on, and their opposites.
std::optional<bool> parse_bool(std::string_view text);

/// `host:port`, `[::1]:port` (port 0: any free one), or `unix:/directory`, where the
/// socket is `.s.PGSQL.6432` or, after `unix:/directory:port`, of that port.
boost::system::result<endpoint, parse_error> parse_listen(std::string_view text);

/// The same without Unix sockets, and nothing for `off`.
boost::system::result<std::optional<endpoint>, parse_error> parse_admin_listen(
    std::string_view text);

}  // namespace pgballast::config
