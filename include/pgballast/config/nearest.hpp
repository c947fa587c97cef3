// "Did you mean …?": the known name nearest to a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgballast::config {

/// Insertions, deletions, substitutions and swaps of neighbours that make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `known`, or nothing where none is near: at most one edit for
/// every three characters, ASCII case not counted.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

/// ` (did you mean 'x'?)`, or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

/// `expected one of a, b, c`, and did_you_mean().
std::string expected_one_of(std::span<const std::string_view> accepted, std::string_view found);

}  // namespace pgballast::config
