#include "pgballast/sql/traceless.hpp"

#include <algorithm>
#include <utility>

#include "judgement.hpp"
#include "lexer.hpp"
#include "statement.hpp"
#include "vocabulary.hpp"

namespace pgballast::sql {
namespace {

/// Of what stands behind a dot, which is mostly a column: the names that can be a built-in
/// function of one argument.
bool may_be_function(const token& behind_dot) {
    if (behind_dot.what != token::kind::word && behind_dot.what != token::kind::quoted_word)
        return false;
    auto name = behind_dot.text;
    if (behind_dot.what == token::kind::quoted_word)
        name = name.substr(1, name.size() - 2);
    static constexpr auto others = words_of("currval", "nextval", "setseed", "ts_stat");
    return begins_with_word(name, "pg_") || begins_with_word(name, "lo_") ||
           begins_with_word(name, "binary_") || others.contains(name);
}

/// `from pg_catalog.`: a table of the catalog; elsewhere pg_catalog may be anything's alias.
bool is_catalog_table(const token& before, const token& schema) {
    return schema.is_word("pg_catalog") && (before.is_word("from") || before.is_word("join"));
}

// `(1).pg_advisory_lock` and `$1.pg_advisory_lock` may call a function as `f(x)` does.
bool may_call_at_dot(const token& before) {
    return before.is(')') || before.is(']') || before.what == token::kind::parameter;
}

// So may `g.pg_advisory_lock`.
bool may_call_behind_dot(const statement& one) {
    return !is_catalog_table(one.last(3), one.last(2)) && may_be_function(one.last(0));
}

// At a parenthesis. A name that is quoted or qualified may be anybody's function, so only
// plain words may stand before it, or built-in functions by their schema.
bool may_call(const statement& one) {
    const auto& name = one.last(1);
    if (name.what == token::kind::quoted_word)
        return true;
    if (name.what != token::kind::word)
        return false;
    const bool vetted = vocabulary::vetted_functions.contains(name.text);
    if (one.last(2).is('.'))  // and pg_catalog is the schema, no part of a longer name
        return !vetted || !one.last(3).is_word("pg_catalog") || one.last(4).is('.');
    return !vetted && !vocabulary::before_parenthesis.contains(name.text);
}

/// SELECT, INSERT, UPDATE and DELETE, with WITH or without. A serial column moves its
/// sequence: on another backend lastval() has no answer (55000).
class expressions {
 public:
    /// The newest token of `one` belongs to them; false if it may leave anything.
    bool go_on(const statement& one) {
        const auto& next = one.last(0);
        if (one.last(1).is('.') && may_call_behind_dot(one))
            return false;
        switch (next.what) {
            case token::kind::word:
                return word(next, one.last(1));
            case token::kind::quoted_word:
                names_settings_ |= next.text == "\"pg_settings\"";
                return !updates_settings();
            case token::kind::symbol:
                return symbol(next, one);
            default:
                return true;
        }
    }

    bool moves_sequence() const noexcept { return moves_sequence_; }

 private:
    bool symbol(const token& next, const statement& one) {
        if (next.is('('))
            return std::exchange(columns_follow_, false) || !may_call(one);
        return !next.is('.') || !may_call_at_dot(one.last(1));
    }

    bool word(const token& next, const token& before) {
        if (next.is_word("into")) {
            columns_follow_ = before.is_word("insert");
            return columns_follow_;  // else it makes a table
        }
        static constexpr auto no_columns = words_of("default", "select", "values", "with");
        if (columns_follow_ && no_columns.contains(next.text))
            columns_follow_ = false;
        moves_sequence_ |= next.is_word("insert") || next.is_word("default");
        updates_ |= next.is_word("update");
        names_settings_ |= next.is_word("pg_settings");
        return !updates_settings();
    }

    // The rule of pg_settings calls set_config.
    bool updates_settings() const { return updates_ && names_settings_; }

    // Behind `insert into a.b as c`: the list of columns looks like arguments of a function.
    bool columns_follow_ = false;
    bool updates_ = false;
    bool names_settings_ = false;
    bool moves_sequence_ = false;
};

// `timezone.x` is a setting of somebody's own.
trace trace_of_assignment(const statement& set, std::size_t name) {
    const bool assigned = set.first(name + 1).is('=') || set.begins(name + 1, "to");
    return assigned && set.first(name).what == token::kind::word &&
                   vocabulary::reported_parameters.contains(set.first(name).text)
               ? trace::none
               : trace::unknown;
}

trace trace_of_set(const statement& set) {
    std::size_t at = 1;
    if (set.first(2).is('.'))  // `local.x`, `names.x` are settings of somebody's own, too
        return trace::unknown;
    if (set.begins(at, "local"))  // gone at COMMIT, but for the state of random()
        return set.begins(at + 1, "role") || set.begins(at + 1, "seed") ? trace::unknown
                                                                        : trace::none;
    if (set.begins(at, "transaction"))
        return trace::none;
    if (set.begins(at, "session"))
        ++at;
    if (set.begins(at, "time") && set.begins(at + 1, "zone"))
        return trace::none;
    if (set.begins(at, "names") && !set.first(at + 1).is('.'))
        return trace::none;
    return trace_of_assignment(set, at);
}

trace trace_of_reset(const statement& reset) {
    return reset.size() == 2 && reset.first(1).what == token::kind::word &&
                   vocabulary::reported_parameters.contains(reset.first(1).text)
               ? trace::none
               : trace::unknown;
}

/// Of a statement that is whole and has no expressions.
trace trace_of_command(const statement& one) {
    if (one.begins(0, "set"))
        return trace_of_set(one);
    if (one.begins(0, "reset"))
        return trace_of_reset(one);
    if (one.begins(0, "commit") || one.begins(0, "rollback"))
        return one.begins(1, "prepared") ? trace::unknown : trace::none;
    return trace::none;
}

constexpr auto expression_verbs =
    words_of("select", "values", "with", "update", "delete", "insert");
constexpr auto command_verbs =
    words_of("set", "reset", "commit", "rollback", "begin", "start", "end", "abort", "savepoint",
             "release", "show", "deallocate");

/// Reads one statement up to its semicolon.
class reader {
 public:
    /// False if the statement may leave anything.
    bool take(const token& next) {
        statement_.take(next);
        if (statement_.size() == 1) {
            if (next.what != token::kind::word)
                return false;
            has_expressions_ = expression_verbs.contains(next.text);
            if (!has_expressions_)
                return command_verbs.contains(next.text);
        }
        return !has_expressions_ || expressions_.go_on(statement_);
    }

    /// What the statement leaves, now that it is whole.
    judgement end() const {
        if (statement_.size() == 0)
            return {};
        if (!has_expressions_)
            return {trace_of_command(statement_)};
        if (statement_.last(0).is('.'))
            return {trace::unknown};
        if (statement_.begins(0, "insert") && !statement_.begins(1, "into"))
            return {trace::unknown};
        return {trace::code, expressions_.moves_sequence()};
    }

 private:
    statement statement_;
    bool has_expressions_ = false;
    expressions expressions_;
};

}  // namespace

judgement judge(std::string_view text) {
    judgement worst;
    reader current;
    lexer tokens{text};
    for (;;) {
        const auto next = tokens.next();
        if (next.what == token::kind::odd)
            return {trace::unknown};
        const bool ended = next.what == token::kind::end;
        if (!ended && !next.is(';')) {
            if (!current.take(next))
                return {trace::unknown};
            continue;
        }
        const auto one = current.end();
        worst = {std::max(worst.left, one.left), worst.moves_sequence || one.moves_sequence};
        if (ended || worst.left == trace::unknown)
            return worst;
        current = {};
    }
}

trace trace_of(std::string_view text) {
    return judge(text).left;
}

}  // namespace pgballast::sql
