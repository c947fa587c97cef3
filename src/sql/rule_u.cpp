#include "pgballast/sql/rule_u.hpp"

#include <algorithm>

#include "pgballast/sql/grammar.hpp"
#include "tree.hpp"

namespace pgballast::sql {
namespace {

namespace json = boost::json;

/// Whether any name in a tree is one of these. A function can be called like a column, and
/// nobody calls a column like such a function: all names are looked at.
bool names_lasting_function(const json::value& value) {
    if (const auto* list = value.if_array())
        return std::ranges::any_of(*list, names_lasting_function);
    if (outlives_rollback(name_in(value)))
        return true;
    const auto* object = value.if_object();
    return object && std::ranges::any_of(*object, [](const auto& member) {
               return names_lasting_function(member.value());
           });
}

bool may_be_rolled_back(command what) {
    switch (what) {
        case command::select:
        case command::insert:
        case command::update:
        case command::remove:
        case command::merge:
            return true;
        default:
            return false;
    }
}

}  // namespace

bool outlives_rollback(std::string_view function) noexcept {
    const bool resets_counters =
        function.starts_with("pg_stat_") && function.find("reset") != std::string_view::npos;
    return resets_counters || std::ranges::any_of(lasting_functions, [&](std::string_view prefix) {
               return function.starts_with(prefix);
           });
}

bool rule_u_allows(std::string_view text) {
    const auto commands = parse(text);
    if (!commands || commands->size() != 1 || !may_be_rolled_back(commands->front().what))
        return false;
    const auto tree = statements_of(text);
    return tree && std::ranges::none_of(*tree, names_lasting_function);
}

}  // namespace pgballast::sql
