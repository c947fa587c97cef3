#include "pgballast/sql/traceless.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>
#include <vector>

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

using words = std::unordered_set<std::string>;

// Built-in functions that read, compute or wait, and leave nothing in the session.
const words& vetted_functions() {
    static const words names{"abs",
                             "age",
                             "array_agg",
                             "array_length",
                             "array_to_string",
                             "avg",
                             "bool_and",
                             "bool_or",
                             "btrim",
                             "cardinality",
                             "ceil",
                             "char_length",
                             "clock_timestamp",
                             "coalesce",
                             "concat",
                             "concat_ws",
                             "count",
                             "current_database",
                             "current_schema",
                             "current_setting",
                             "date_part",
                             "date_trunc",
                             "decode",
                             "encode",
                             "extract",
                             "floor",
                             "format",
                             "gen_random_uuid",
                             "generate_series",
                             "greatest",
                             "initcap",
                             "json_agg",
                             "json_build_object",
                             "jsonb_agg",
                             "jsonb_build_object",
                             "least",
                             "left",
                             "length",
                             "lower",
                             "lpad",
                             "ltrim",
                             "make_interval",
                             "max",
                             "md5",
                             "min",
                             "mod",
                             "now",
                             "nullif",
                             "octet_length",
                             "pg_backend_pid",
                             "pg_sleep",
                             "position",
                             "power",
                             "random",
                             "regexp_replace",
                             "repeat",
                             "replace",
                             "right",
                             "round",
                             "row_number",
                             "row_to_json",
                             "rpad",
                             "sha256",
                             "rtrim",
                             "split_part",
                             "sqrt",
                             "statement_timestamp",
                             "string_agg",
                             "string_to_array",
                             "strpos",
                             "substr",
                             "substring",
                             "sum",
                             "timezone",
                             "to_char",
                             "to_date",
                             "to_json",
                             "to_jsonb",
                             "to_number",
                             "to_timestamp",
                             "trim",
                             "trunc",
                             "unnest",
                             "upper",
                             "version"};
    return names;
}

// Words that stand before a parenthesis without calling anything.
const words& words_before_parenthesis() {
    static const words names{
        "all",       "and",     "any",     "array",    "as",      "between",  "by",
        "case",      "cast",    "char",    "conflict", "decimal", "distinct", "else",
        "except",    "exists",  "filter",  "from",     "group",   "having",   "in",
        "intersect", "is",      "join",    "lateral",  "like",    "limit",    "materialized",
        "not",       "numeric", "offset",  "on",       "or",      "over",     "partition",
        "returning", "row",     "select",  "set",      "some",    "then",     "union",
        "using",     "values",  "varchar", "when",     "where",   "with"};
    return names;
}

const words& reported_parameters() {
    // By every server. default_transaction_read_only is only since version 14.
    static const words names{"application_name", "client_encoding", "datestyle",
                             "intervalstyle",    "timezone",        "standard_conforming_strings"};
    return names;
}

struct statement {
    std::vector<token> tokens;  // without the closing semicolon

    std::string word(std::size_t at) const {
        return at < tokens.size() && tokens[at].what == token::kind::word ? folded(tokens[at].text)
                                                                          : std::string{};
    }
};

// `(1).pg_advisory_lock` and `g.pg_advisory_lock` may call a function as `f(x)` does. What
// stands behind a dot is mostly a column, so only names that can be such a built-in
// function of one argument are refused.
bool may_call_by_dot(const statement& select, std::size_t dot) {
    // A table of the catalog; elsewhere pg_catalog may be anything's alias.
    if (dot >= 2 && select.word(dot - 1) == "pg_catalog" &&
        (select.word(dot - 2) == "from" || select.word(dot - 2) == "join"))
        return false;
    const auto& left = select.tokens[dot - 1];
    if (left.is(')') || left.is(']') || left.what == token::kind::parameter)
        return true;
    if (dot + 1 == select.tokens.size())
        return true;
    const auto& right = select.tokens[dot + 1];
    if (right.what != token::kind::word && right.what != token::kind::quoted_word)
        return false;
    auto name = folded(right.text);
    std::erase(name, '"');
    static const words others{"currval", "nextval", "setseed", "ts_stat"};
    return name.starts_with("pg_") || name.starts_with("lo_") || name.starts_with("binary_") ||
           others.contains(name);
}

/// `pg_catalog.now(`, where pg_catalog is the schema and no part of a longer name.
bool is_of_catalog(const statement& select, std::size_t parenthesis) {
    return parenthesis >= 3 && select.word(parenthesis - 3) == "pg_catalog" &&
           !(parenthesis >= 4 && select.tokens[parenthesis - 4].is('.'));
}

// A name that is quoted or qualified may be anybody's function, so only plain words may
// stand before a parenthesis, or built-in functions by their schema.
bool may_call(const statement& select, std::size_t parenthesis) {
    const auto& before = select.tokens[parenthesis - 1];
    if (before.what == token::kind::quoted_word)
        return true;
    if (before.what != token::kind::word)
        return false;
    const auto name = folded(before.text);
    if (parenthesis >= 2 && select.tokens[parenthesis - 2].is('.'))
        return !is_of_catalog(select, parenthesis) || !vetted_functions().contains(name);
    return !vetted_functions().contains(name) && !words_before_parenthesis().contains(name);
}

/// Behind `insert into`: where the list of columns begins, `insert into a.b as c (…`, which
/// looks like the arguments of a function; past the end if there is none.
std::size_t column_list(const statement& insert, std::size_t at) {
    while (at < insert.tokens.size() && !insert.tokens[at].is('(')) {
        const auto word = insert.word(at);
        if (word == "select" || word == "values" || word == "default" || word == "with")
            return insert.tokens.size();
        ++at;
    }
    return at;
}

/// SELECT, INSERT, UPDATE and DELETE, with WITH or without. A serial column moves its
/// sequence: on another backend lastval() has no answer (55000).
trace trace_of_expressions(const statement& one) {
    auto columns = one.tokens.size();
    for (std::size_t at = 1; at < one.tokens.size(); ++at) {
        const auto& token = one.tokens[at];
        if (one.word(at) == "into") {
            if (one.word(at - 1) != "insert")  // makes a table
                return trace::unknown;
            columns = column_list(one, at + 1);
        }
        const bool traces = (token.is('(') && at != columns && may_call(one, at)) ||
                            (token.is('.') && may_call_by_dot(one, at));
        if (traces)
            return trace::unknown;
    }
    return trace::code;
}

// `timezone.x` is a setting of somebody's own.
trace trace_of_assignment(const statement& set, std::size_t name) {
    const bool assigned = name + 1 < set.tokens.size() &&
                          (set.tokens[name + 1].is('=') || set.word(name + 1) == "to");
    return assigned && reported_parameters().contains(set.word(name)) ? trace::none
                                                                      : trace::unknown;
}

trace trace_of_set(const statement& set) {
    std::size_t at = 1;
    if (set.word(at) == "local")
        return set.word(at + 1) == "role" ? trace::unknown : trace::none;  // gone at COMMIT
    if (set.word(at) == "transaction")
        return trace::none;
    if (set.word(at) == "session")
        ++at;
    if (set.word(at) == "time" && set.word(at + 1) == "zone")
        return trace::none;
    if (set.word(at) == "names")
        return trace::none;
    return trace_of_assignment(set, at);
}

trace trace_of_statement(const statement& one) {
    const auto verb = one.word(0);
    // What hides behind a table, triggers for one, is the catalog's to tell.
    static const words expressions{"select", "values", "with", "update", "delete"};
    if (expressions.contains(verb) || (verb == "insert" && one.word(1) == "into"))
        return trace_of_expressions(one);
    if (verb == "set")
        return trace_of_set(one);
    if (verb == "reset")
        return one.tokens.size() == 2 && reported_parameters().contains(one.word(1))
                   ? trace::none
                   : trace::unknown;
    if (verb == "commit" || verb == "rollback")
        return one.word(1) == "prepared" ? trace::unknown : trace::none;
    static const words harmless{"begin", "start", "end", "abort", "savepoint", "release", "show"};
    return harmless.contains(verb) ? trace::none : trace::unknown;
}

}  // namespace

trace trace_of(std::string_view text) {
    auto worst = trace::none;
    statement current;
    lexer tokens{text};
    for (;;) {
        const auto next = tokens.next();
        if (next.what == token::kind::odd)
            return trace::unknown;
        const bool ended = next.what == token::kind::end;
        if (!ended && !next.is(';')) {
            current.tokens.push_back(next);
            continue;
        }
        if (!current.tokens.empty())
            worst = std::max(worst, trace_of_statement(current));
        if (ended || worst == trace::unknown)
            return worst;
        current.tokens.clear();
    }
}

}  // namespace pgballast::sql
