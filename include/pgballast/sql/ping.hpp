// What the pools of drivers send while nobody needs the database.
#pragma once

#include <string_view>
#include <vector>

namespace pgballast::sql {

/// Something that a session answers the same with or without its server, as long as it is
/// as it was at login and no transaction is open.
enum class ping {
    empty,
    one,  // SELECT 1
    rollback,
    discard_all,
    discard_plans,
    discard_sequences,
    discard_temp,
    reset,  // ALL, or of who one is
    set_default_user,
    close_all,
    unlisten_all,
    deallocate_all,
    unlock_all,
};

/// Whether it takes something back that a session may have done.
constexpr bool takes_back(ping what) noexcept {
    return what > ping::rollback;
}

/// What a query string asks for, one entry a statement; empty if it asks for anything else.
/// Statements that may stand only alone are such only alone.
std::vector<ping> pings_in(std::string_view text);

}  // namespace pgballast::sql
