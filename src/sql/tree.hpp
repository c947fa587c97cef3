// The parse tree of a text by PostgreSQL's own grammar, as libpg_query tells it in JSON: a node
// is an object with one member, {"FuncCall": {…}}, whose name begins with a capital; members of
// a node that can be of one type only go without that name; and what is 0, false or NULL is left
// out, but an element of a list, which is {} then.
// https://github.com/pganalyze/libpg_query
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string_view>

namespace pgballast::sql {

/// Bounds of what is parsed at all. libpg_query turns the tree into JSON by recursion and does
/// not watch its stack. No part of the grammar nests without a word or a sign (a bracket that
/// opens, an operator, a colon), at 131 octets of stack each by measurement, so these take half a
/// MiB.
inline constexpr std::size_t text_max = 64 * 1024;
inline constexpr std::size_t words_and_signs_max = 4000;
inline constexpr std::size_t depth_max = 512;  // of objects and arrays, for those who walk here

/// The statements of a text, each {"stmt": node, "stmt_location": …, "stmt_len": …}; nothing if
/// it cannot be parsed, or exceeds the bounds, or holds a backslash: what that means in
/// a string is a setting's to say (standard_conforming_strings), and all others are rare.
std::optional<boost::json::array> statements_of(std::string_view text);

/// A node: its type and its members.
struct node {
    std::string_view type;
    const boost::json::object* members;
};

/// What `value` is; nothing if it is no node that tells its type.
std::optional<node> node_in(const boost::json::value& value);

/// The member of a node that is a string, or ''.
std::string_view string_in(const boost::json::object& members, std::string_view name);

/// … that is a list, or an empty one.
const boost::json::array& list_in(const boost::json::object& members, std::string_view name);

/// What a String of a list of names says; '' for anything else.
std::string_view name_in(const boost::json::value& value);

}  // namespace pgballast::sql
