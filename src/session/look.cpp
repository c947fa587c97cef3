#include "pgballast/session/look.hpp"

#include <algorithm>

#include "data_row.hpp"

namespace pgballast::session {
namespace {

// pg_my_temp_schema() stays what it is when the last temporary table has been dropped.
constexpr const char* what_cannot_be_carried =
    "pg_catalog.concat_ws(', ',"
    " case when pg_catalog.pg_my_temp_schema() operator(pg_catalog.<>) 0 and ("
    "exists (select from pg_catalog.pg_class"
    " where relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema())"
    " or exists (select from pg_catalog.pg_type"
    " where typnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema())"
    " or exists (select from pg_catalog.pg_proc"
    " where pronamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()))"
    " then 'temporary tables' end,"
    " case when exists (select from pg_catalog.pg_locks"
    " where locktype operator(pg_catalog.=) 'advisory'"
    " and pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()) then 'advisory locks' end,"
    " case when exists (select from pg_catalog.pg_cursors where is_holdable)"
    " then 'cursors' end,"
    " case when exists (select from pg_catalog.pg_prepared_statements where from_sql)"
    " then 'prepared statements' end,"
    " case when exists (select from pg_catalog.pg_listening_channels())"
    " then 'channels' end)";

/// The columns in front of the settings.
constexpr std::size_t fixed_columns = 3;

bool is_ascii(wire::bytes text) noexcept {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) > 127; });
}

void add_pin(std::string& pin, wire::bytes what) {
    if (!pin.empty())
        pin += ", ";
    pin += what;
}

/// Who the session is, is looked at anyway.
bool is_identity(wire::bytes name) noexcept {
    return name == "role" || name == "session_authorization";
}

}  // namespace

std::string look_query(const std::vector<std::string>& names) {
    std::string text = "select session_user, pg_catalog.current_setting('role'), ";
    text += what_cannot_be_carried;
    for (const auto& name : names)
        text += ", pg_catalog.current_setting(" + quote_literal(name) + ", true)";
    return text;
}

std::optional<look> decode_look(wire::bytes row, const std::vector<std::string>& names,
                                wire::bytes login_user, bool same_encoding) {
    const auto fields = decode_data_row(row);
    if (fields.size() != fixed_columns + names.size() || !fields[0] || !fields[1] || !fields[2])
        return std::nullopt;
    look found;
    found.pin = *fields[2];
    bool readable = true;
    const auto keep = [&](wire::bytes name, wire::bytes value) {
        readable = readable && (same_encoding || is_ascii(value));
        found.values.emplace_back(name, value);
    };
    for (std::size_t i = 0; i < names.size(); ++i)
        if (const auto& value = fields[fixed_columns + i]; value && !is_identity(names[i]))
            keep(names[i], *value);
    // Last: as somebody else one may not set them all.
    if (*fields[0] != login_user)
        keep("session_authorization", *fields[0]);
    if (*fields[1] != "none")
        keep("role", *fields[1]);
    if (!readable)
        add_pin(found.pin, "settings in another encoding");
    return found;
}

}  // namespace pgballast::session
