// The connection keywords of libpq, up to version 18, and what becomes of them here.
#pragma once

#include <span>
#include <string_view>

namespace pgballast::config {

enum class keyword_use {
    honoured,
    ignored,  // of no consequence here; see `reason`
    refused,  // would be a promise broken silently; see `reason`
};

struct keyword {
    std::string_view name;
    keyword_use use = keyword_use::honoured;
    std::string_view harmless{};  // values of a refused keyword that may stand, parted by blanks
    std::string_view reason{};
};

/// Sorted by name.
std::span<const keyword> known_keywords();
std::span<const std::string_view> known_keyword_names();

/// Null for an unknown name.
const keyword* find_keyword(std::string_view name);

}  // namespace pgballast::config
