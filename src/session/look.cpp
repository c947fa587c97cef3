#include "pgballast/session/look.hpp"

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <iterator>
#include <utility>

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
    " case when exists (select from pg_catalog.pg_listening_channels())"
    " then 'channels' end)";

/// The name and the digest of each, in hexadecimal digits.
std::string statements_by_sql() {
    const auto octets_of = [](const std::string& column) {
        return "pg_catalog.convert_to(" + column + ", pg_catalog.getdatabaseencoding())";
    };
    return "(select coalesce(pg_catalog.string_agg(one, ','), '') from (select pg_catalog.concat("
           "pg_catalog.encode(" +
           octets_of("name") + ", 'hex'), ':', pg_catalog.encode(pg_catalog.sha256(" +
           octets_of("statement") +
           "), 'hex')) as one from pg_catalog.pg_prepared_statements where from_sql limit " +
           std::to_string(sql_statements::max + 1) + ") as them)";
}

/// The columns in front of the settings.
constexpr std::size_t fixed_columns = 4;

/// Octets in hexadecimal digits; nothing where they are none.
std::optional<std::string> decode_hex(wire::bytes digits) {
    std::string octets;
    try {
        boost::algorithm::unhex(digits.begin(), digits.end(), std::back_inserter(octets));
    } catch (const boost::algorithm::hex_decode_error&) {
        return std::nullopt;
    }
    return octets;
}

bool decode_statements(wire::bytes list, sql_statements::digests& out) {
    while (!list.empty()) {
        const auto one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(list.size(), one.size() + 1));
        const auto colon = one.find(':');
        auto name = decode_hex(one.substr(0, colon));
        if (colon == wire::bytes::npos || !name)
            return false;
        out.emplace_back(std::move(*name), one.substr(colon + 1));
    }
    return true;
}

}  // namespace

std::string look_query(const std::vector<std::string>& names) {
    std::string text = "select session_user, pg_catalog.current_setting('role'), ";
    text += what_cannot_be_carried;
    static const auto statements = statements_by_sql();
    text += ", " + statements;
    for (const auto& name : names)
        text += ", pg_catalog.encode(pg_catalog.convert_to(pg_catalog.current_setting(" +
                quote_literal(name) + ", true), pg_catalog.getdatabaseencoding()), 'hex')";
    return text;
}

std::optional<look> decode_look(wire::bytes row, const std::vector<std::string>& names,
                                wire::bytes login_user) {
    const auto fields = decode_data_row(row);
    if (fields.size() != fixed_columns + names.size() || !fields[0] || !fields[1] || !fields[2] ||
        !fields[3])
        return std::nullopt;
    look found;
    found.pin = *fields[2];
    if (!decode_statements(*fields[3], found.statements))
        return std::nullopt;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& digits = fields[fixed_columns + i];
        if (!digits)  // there is no such setting
            continue;
        auto value = decode_hex(*digits);
        if (!value)
            return std::nullopt;
        found.values.emplace_back(names[i], std::move(*value));
    }
    // Last: as somebody else one may not set them all.
    if (*fields[0] != login_user)
        found.values.emplace_back("session_authorization", *fields[0]);
    if (*fields[1] != "none")
        found.values.emplace_back("role", *fields[1]);
    return found;
}

}  // namespace pgballast::session
