#include "pgballast/session/restore.hpp"

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <boost/algorithm/string/join.hpp>
#include <iterator>

#include "pgballast/sql/words.hpp"

namespace pgballast::session {
namespace {

bool is_ascii(wire::bytes text) noexcept {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) > 127; });
}

const std::string* find(const startup_settings_ptr& settings, wire::bytes name) {
    if (!settings)
        return nullptr;
    const auto found = std::ranges::find(*settings, name, &startup_settings::value_type::first);
    return found == settings->end() ? nullptr : &found->second;
}

// set_config() reads a value as the startup packet does, lists included; SET
// would take 'a, b' for one name.
void append_set_config(restoration& plan, wire::bytes name, wire::bytes value) {
    plan.text += "select pg_catalog.set_config(" + quote_literal(name) + ", " +
                 quote_literal(value) + ", false);";
    plan.may_fail = true;
    plan.always_wait |= is_identity(name);
}

void append_reset(restoration& plan, wire::bytes name) {
    plan.text += "reset " + quote_parameter_name(name) + ";";
    plan.may_fail = true;
    plan.always_wait |= is_identity(name);
}

void plan_startup_settings(restoration& plan, const startup_settings_ptr& applied, bool changed,
                           const startup_settings_ptr& wanted) {
    if (applied == wanted && !changed)
        return;
    if (applied)
        for (const auto& [name, value] : *applied)
            if (!find(wanted, name))
                append_reset(plan, name);
    // All of them, even where the values look the same: the client before may have changed
    // one without a word of it in any reply.
    if (wanted)
        for (const auto& [name, value] : *wanted)
            append_set_config(plan, name, value);
}

void append_set_reported(restoration& plan, const std::string& name, const std::string& value) {
    if (name == "search_path" || !is_ascii(value))  // SET takes neither lists nor expressions
        return append_set_config(plan, name, value);
    plan.text += "set " + name + "=" + quote_literal(value) + ";";
    plan.may_fail |= name != "application_name";  // any text will do for that
}

void plan_reported(restoration& plan, const reported& has, const reported& wants) {
    for (const auto& [name, value] : wants.values()) {
        const auto* old = has.find(name);
        if (old && *old != value && is_settable(name))
            append_set_reported(plan, name, value);
    }
}

bool is_timeout(wire::bytes name) noexcept {
    return sql::contains_folded(name, "timeout");
}

/// Sets `name` where no SET of the client has since its RESET.
std::string set_where_reset(wire::bytes name, wire::bytes value) {
    const auto setting = quote_literal(name);
    std::string text =
        "select pg_catalog.set_config(" + setting + ", " + quote_literal(value) + ", false)";
    if (is_identity(name))
        return text + " where pg_catalog.current_setting('role') operator(pg_catalog.=) 'none';";
    if (name.find('.') != wire::bytes::npos)  // not in pg_settings
        return text + " where coalesce(pg_catalog.current_setting(" + setting +
               ", true), '') operator(pg_catalog.=) '';";
    return text +
           " from pg_catalog.pg_settings where pg_catalog.lower(name)"
           " operator(pg_catalog.=) pg_catalog.lower(" +
           setting + ") and source operator(pg_catalog.<>) 'session';";
}

}  // namespace

bool is_identity(wire::bytes name) noexcept {
    return sql::same_name(name, "role") || sql::same_name(name, "session_authorization");
}

bool cleaning_may_fail(const startup_settings_ptr& settings) noexcept {
    return settings && std::ranges::any_of(*settings, [](const auto& one) {
               return is_timeout(one.first) || is_identity(one.first);
           });
}

std::string startup_query(const reported& at_login, const reported& told_at_startup,
                          const startup_settings_ptr& startup, const sql::resets& which) {
    std::string text;
    for (const auto& [name, value] : told_at_startup.values()) {
        const auto* fresh = at_login.find(name);
        if (fresh && *fresh != value && is_settable(name) && which.contains(name))
            text += set_where_reset(name, value);
    }
    if (startup)
        for (const auto& [name, value] : *startup)
            if (which.contains(name))
                text += set_where_reset(name, value);
    return text;
}

restoration plan_clean_restoration(const reported& at_login, const reported& wants,
                                   const reported& told_at_startup,
                                   const startup_settings_ptr& wanted) {
    auto plan = plan_restoration(at_login, wants, nullptr, false, wanted);
    plan_explicit(plan, at_login, wants, told_at_startup);
    plan.text.insert(0, clean_session);
    return plan;
}

void plan_explicit(restoration& plan, const reported& has, const reported& wants,
                   const reported& told_at_startup) {
    if (&wants == &told_at_startup)
        return;
    for (const auto& [name, value] : wants.values()) {
        const auto* old = has.find(name);
        const auto* first = told_at_startup.find(name);
        if (old && *old == value && first && *first != value && is_settable(name))
            append_set_reported(plan, name, value);
    }
}

restoration plan_restoration(const reported& has, const reported& wants,
                             const startup_settings_ptr& applied, bool changed,
                             const startup_settings_ptr& wanted) {
    restoration plan;
    if (&has != &wants)
        plan_reported(plan, has, wants);
    plan_startup_settings(plan, applied, changed, wanted);
    return plan;
}

std::string names_of_own_settings(const reported& at_login, const reported& of_client,
                                  const startup_settings_ptr& startup) {
    std::vector<std::string> names;
    for (const auto& [name, value] : of_client.values()) {
        const auto* fresh = at_login.find(name);
        if (fresh && *fresh != value && is_settable(name))
            names.push_back(name);
    }
    if (startup)
        for (const auto& [name, value] : *startup)
            names.push_back(name);
    return boost::algorithm::join(names, ",");
}

bool changes_settings(wire::bytes command_tag) noexcept {
    return command_tag == "SET" || command_tag == "RESET" || command_tag == "DISCARD ALL";
}

std::string quote_literal(wire::bytes value) {
    if (!is_ascii(value)) {
        // Octets above 127 could swallow a quote under some client encodings.
        std::string octets;
        boost::algorithm::hex(value, std::back_inserter(octets));
        return "pg_catalog.convert_from(pg_catalog.decode('" + octets +
               "', 'hex'), pg_catalog.getdatabaseencoding())";
    }
    const bool escape = value.find('\\') != wire::bytes::npos;
    std::string quoted = escape ? "E'" : "'";
    for (const char c : value) {
        if (c == '\'' || (escape && c == '\\'))
            quoted.push_back(c);
        quoted.push_back(c);
    }
    quoted.push_back('\'');
    return quoted;
}

std::string quote_parameter_name(wire::bytes name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"')
            quoted += "\"\"";
        else if (c == '.')
            quoted += "\".\"";
        else
            quoted.push_back(c);
    }
    quoted.push_back('"');
    return quoted;
}

}  // namespace pgballast::session
