// The words that tell what a text may do to its session.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "pgballast/sql/words.hpp"

namespace pgballast::sql {

/// What a word may mean for the session, wherever it stands.
enum class sign {
    none,
    set,
    reset,
    load,
    set_config,
    set_config_internal,
    set_limit,
    unicode,
    uescape,
    reads_sequence,
    moves_sequence,
    executes,
    seeds,
    runs_strings,
    into,
    update,
    pg_settings,
    by_default,
    defines,
    alters,
};

struct signal_word {
    std::string_view word;
    sign means;
};

inline constexpr auto signs = [] {
    std::array table{
        signal_word{"alter", sign::alters},  // a serial column is filled at once
        signal_word{"call", sign::defines},
        signal_word{"cluster", sign::defines},
        signal_word{"comment", sign::defines},
        signal_word{"copy", sign::moves_sequence},
        signal_word{"create", sign::defines},
        signal_word{"currval", sign::reads_sequence},
        signal_word{"currval_oid", sign::reads_sequence},
        signal_word{"default", sign::by_default},
        signal_word{"do", sign::defines},
        signal_word{"drop", sign::defines},
        signal_word{"execute", sign::executes},      // a prepared INSERT, or a string
        signal_word{"fetch", sign::moves_sequence},  // of a cursor on nextval
        signal_word{"format", sign::runs_strings},
        signal_word{"grant", sign::defines},
        signal_word{"import", sign::defines},
        signal_word{"insert", sign::moves_sequence},
        signal_word{"into", sign::into},
        signal_word{"lastval", sign::reads_sequence},
        signal_word{"load", sign::load},
        signal_word{"merge", sign::moves_sequence},
        signal_word{"nextval", sign::moves_sequence},
        signal_word{"nextval_oid", sign::moves_sequence},
        signal_word{"pg_settings", sign::pg_settings},
        signal_word{"reassign", sign::defines},
        signal_word{"refresh", sign::defines},
        signal_word{"reindex", sign::defines},
        signal_word{"reset", sign::reset},
        signal_word{"revoke", sign::defines},
        signal_word{"security", sign::defines},
        signal_word{"set", sign::set},
        signal_word{"set_config", sign::set_config},
        signal_word{"set_config_by_name", sign::set_config_internal},  // its pg_proc.prosrc
        signal_word{"set_limit", sign::set_limit},
        signal_word{"setseed", sign::seeds},
        signal_word{"setval", sign::moves_sequence},
        signal_word{"setval3_oid", sign::moves_sequence},
        signal_word{"setval_oid", sign::moves_sequence},
        signal_word{"truncate", sign::defines},
        signal_word{"u", sign::unicode},
        signal_word{"uescape", sign::uescape},
        signal_word{"update", sign::update},
    };
    std::ranges::sort(table, by_word, &signal_word::word);
    return table;
}();

inline sign sign_of(std::string_view word) {
    const auto* const at = find_word(signs, word, &signal_word::word);
    return at != signs.end() ? at->means : sign::none;
}

}  // namespace pgballast::sql
