#include "raw_scan.hpp"

#include <algorithm>

#include "characters.hpp"
#include "pgballast/sql/words.hpp"
#include "setting_calls.hpp"
#include "signs.hpp"

namespace pgballast::sql {
namespace {

bool is_quote(char c) {
    return c == '\'' || c == '"' || c == '\\';
}

/// What stands for a value in format() and in the strings of other languages, and what ends
/// $$…$$.
bool is_placeholder(char c) {
    return c == '%' || c == '$' || c == '{' || c == '#';
}

}  // namespace

void raw_scan::read(std::string_view all) {
    raw_text text{all};
    for (std::size_t at = 0; at < all.size();) {
        const auto found = text.word_at(at);
        if (found.empty()) {
            ++at;
            continue;
        }
        word(text, at, found);
        at += found.size();
    }
    found_.unknown_name |= text.has_long_gap();
    // U&'s\0065t', or another character than the backslash. Nobody writes code like that.
    const bool has_escapes = uescapes_ || all.find('\\') != std::string_view::npos;
    if (has_unicode_string_ && has_escapes)
        expect_anything();
}

void raw_scan::end() {
    found_.unknown_name |= ends_string_ && runs_strings_;
    found_.unknown_name |= updates_ && names_settings_;  // its rule calls set_config
    found_.moves_sequence |= updates_ && mentions_default_;
}

void raw_scan::expect_anything() {
    found_.unknown_name = true;
    found_.reads_sequence = true;
    found_.moves_sequence = true;
    found_.seeds_random = true;
    found_.loads_library = true;
    found_.may_define = true;
}

void raw_scan::word(raw_text& text, std::size_t start, std::string_view word) {
    const auto behind = start + word.size();
    switch (sign_of(word)) {
        case sign::none:
            return;
        case sign::set:
            if (text.begins_command(start))
                set(text, behind);
            return;
        case sign::reset:
            if (text.begins_command(start))
                reset(text, behind);
            return;
        case sign::load:
            if (text.begins_command(start))
                load(text, start, behind);
            return;
        case sign::set_config:
            return set_config(text, behind);
        case sign::set_config_internal:
            found_.unknown_name = true;
            return;
        case sign::set_limit:
            return add("pg_trgm.similarity_threshold");
        case sign::unicode:
            has_unicode_string_ |= text.at(behind) == '&' && is_quote(text.at(behind + 1));
            return;
        case sign::uescape:
            uescapes_ = true;
            return;
        case sign::reads_sequence:
            found_.reads_sequence = true;
            return;
        case sign::executes:
            runs_strings_ = defines_ = true;
            [[fallthrough]];
        case sign::moves_sequence:
            found_.moves_sequence = true;
            return;
        case sign::seeds:
            found_.seeds_random = true;
            return;
        case sign::runs_strings:
            runs_strings_ = true;
            return;
        case sign::into:
            return into(text, start);
        case sign::update:
            updates_ = true;
            return;
        case sign::pg_settings:
            names_settings_ = true;
            return;
        case sign::by_default:
            mentions_default_ = true;
            return;
        case sign::alters:
            found_.moves_sequence = defines_ = true;
            return;
        case sign::defines:
            defines_ = true;
            return;
    }
}

void raw_scan::set(raw_text& text, std::size_t behind) {
    auto name = text.name_at(behind);
    if (name.is("local")) {  // gone at COMMIT, but for the state of random()
        found_.seeds_random |= text.name_at(name.end).is("seed");
        return;
    }
    while (name.is("session")) {  // SET SESSION SESSION AUTHORIZATION is right, too
        behind = name.end;
        name = text.name_at(behind);
    }
    if (name.what == raw_name::kind::none)
        broken_off(text, behind);
    else if (!set_by_keyword(text, name))
        set_by_name(text, behind, name);
}

/// The forms of SET that are no assignments; false if it is none of them.
bool raw_scan::set_by_keyword(raw_text& text, const raw_name& keyword) {
    if (keyword.is("authorization")) {
        add("session_authorization");
        add("role");  // it is reset
    } else if (keyword.is("characteristics")) {
        add("default_transaction_isolation");
        add("default_transaction_read_only");
        add("default_transaction_deferrable");
    } else if (keyword.is("time") && text.name_at(keyword.end).is("zone"))
        add("timezone");
    else if (keyword.is("role"))
        add("role");
    else if (keyword.is("names"))
        add("client_encoding");
    else if (keyword.is("schema"))
        add("search_path");
    else if (keyword.is("seed"))
        found_.seeds_random = true;
    else if (keyword.is("xml") && text.name_at(keyword.end).is("option"))
        add("xmloption");
    else
        return keyword.is("transaction");
    return true;
}

void raw_scan::set_by_name(raw_text& text, std::size_t behind, const raw_name& name) {
    const auto next = text.behind_gap(name.end);
    const char direct = text.at(name.end);
    if (text.at(next) == '=' || same_word(text.word_at(next), "to"))
        return add(name);
    if (name.what == raw_name::kind::quoted)  // other code, behind a string
        return broken_off(text, behind);
    // `'set app.' || name`, `'set app.x' || name`, `'set app.%s'`
    if (name.what == raw_name::kind::odd || is_placeholder(direct) ||
        (is_quote(direct) && text.is_joined(name.end)))
        found_.unknown_name = true;
    else if (is_quote(text.at(next)))  // `concat('set app.x', …)`
        add(name);
}

void raw_scan::reset(raw_text& text, std::size_t behind) {
    const auto name = text.name_at(behind);
    const char direct = text.at(name.end);
    if (name.what == raw_name::kind::none || name.what == raw_name::kind::quoted)
        return broken_off(text, behind);
    if (is_placeholder(direct) || (is_quote(direct) && text.is_joined(name.end)))
        found_.unknown_name = true;
    if (name.is("session") && text.name_at(name.end).is("authorization")) {
        add("session_authorization");
        add("role");
    } else if (name.is("time") && text.name_at(name.end).is("zone"))
        add("timezone");
    else if (!name.is("all"))
        add(name);
}

void raw_scan::load(raw_text& text, std::size_t start, std::size_t behind) {
    const bool is_string = start > 0 && is_quote(text.at(start - 1)) && is_quote(text.at(behind)) &&
                           !is_quote(text.at(behind + 1));
    const auto next = text.behind_gap(behind);
    const bool prefixed = same_word(text.word_at(next), "e") && is_quote(text.at(next + 1));
    const bool loads = prefixed || is_quote(text.at(next)) || is_placeholder(text.at(next));
    found_.loads_library |= loads && !is_string;
}

void raw_scan::into(const raw_text& text, std::size_t start) {
    const auto before = text.text().substr(0, start);
    auto end = start;
    while (end > 0 && is_any_of(before[end - 1], character::blank))
        --end;
    static constexpr std::string_view insert = "insert";
    static constexpr std::string_view merge = "merge";
    const auto ends_with = [&](std::string_view word) {
        return end >= word.size() && same_word(before.substr(end - word.size(), word.size()), word);
    };
    selects_into_ |= !ends_with(insert) && !ends_with(merge);
}

void raw_scan::set_config(raw_text& text, std::size_t behind) {
    if (text.at(behind) == '"')  // pg_catalog."set_config"
        ++behind;
    const auto next = text.behind_gap(behind);
    if (text.at(next) != '(')
        return broken_off(text, behind);
    const auto call = setting_call_at(text, next + 1);
    if (call.is_local)
        return;
    if (call.name.empty())
        found_.unknown_name = true;
    else
        add(call.name);
}

/// A command ends before the name that it should have: `'set ' || name`, `'set %I to 1'`.
/// `'set'` alone is mostly no command.
void raw_scan::broken_off(raw_text& text, std::size_t behind) {
    const auto next = text.behind_gap(behind);
    const char c = text.at(next);
    if (is_placeholder(c))
        found_.unknown_name = true;
    if (!is_quote(c))
        return;
    const bool is_long_name = c == '"' && is_any_of(text.at(next + 1), character::letter);
    found_.unknown_name |= next != behind || is_long_name || text.is_joined(next);
    ends_string_ = true;
}

void raw_scan::add(const raw_name& name) {
    if (name.what == raw_name::kind::constant)
        add(name.text);
    else
        found_.unknown_name = true;
}

void raw_scan::add(std::string_view name) {
    auto& names = found_.names;
    if (std::ranges::find(names, name) != names.end())
        return;
    if (names.size() == text_facts::names_max)
        found_.unknown_name = true;
    else
        names.emplace_back(name);
}

}  // namespace pgballast::sql
