// The words a configuration uses for the values of enumerations.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "pgballast/config/settings.hpp"

namespace pgballast::config {

/// Specialised for each enumeration: its words, in the order of its values.
template <typename E>
inline constexpr std::array<std::string_view, 0> names{};

template <>
inline constexpr auto names<sslmode> = std::to_array<std::string_view>(
    {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});
template <>
inline constexpr auto names<sslnegotiation> = std::to_array<std::string_view>({"postgres",
                                                                               "direct"});
template <>
inline constexpr auto names<channel_binding> = std::to_array<std::string_view>({"disable", "prefer",
                                                                                "require"});
template <>
inline constexpr auto names<pool_mode> = std::to_array<std::string_view>({"auto", "transaction",
                                                                          "session"});
template <>
inline constexpr auto names<neon_pooler> = std::to_array<std::string_view>({"replace", "keep"});
template <>
inline constexpr auto names<answer_pings> = std::to_array<std::string_view>({"off", "empty",
                                                                             "select1"});
template <>
inline constexpr auto names<lost_transaction> = std::to_array<std::string_view>({"abort", "close"});
template <>
inline constexpr auto names<io_kind> = std::to_array<std::string_view>({"auto", "io_uring",
                                                                        "epoll"});
template <>
inline constexpr auto names<log_level> = std::to_array<std::string_view>({"trace", "debug", "info",
                                                                          "warn", "error"});
template <>
inline constexpr auto names<log_format> = std::to_array<std::string_view>({"text", "json"});

template <typename E>
constexpr std::string_view to_string(E value) requires(!names<E>.empty()) {
    return names<E>[static_cast<std::size_t>(value)];
}

template <typename E>
constexpr std::optional<E> from_name(std::string_view name) {
    static_assert(!names<E>.empty());
    const auto found = std::ranges::find(names<E>, name);
    if (found == names<E>.end())
        return {};
    return static_cast<E>(found - names<E>.begin());
}

}  // namespace pgballast::config
