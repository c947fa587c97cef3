// What an SQL text tells about the session that it runs in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/sql/traceless.hpp"

namespace pgballast::sql {

/// But for `left`, which is strict, each fact says "it may": a text that does such a thing
/// is never missed, a text that does not may be suspected. It is said of what is written in
/// the text, quoted bodies included. What hides in the functions, views and triggers that it
/// uses is told by their own facts; a command put together from pieces is seen by its
/// beginning (`execute 'set ' || name`), one that comes whole from elsewhere is not.
struct text_facts {
    static constexpr std::size_t names_max = 64;

    trace left = trace::none;        // as trace_of says
    std::vector<std::string> names;  // settings it changes for the session; lower case, each once
    bool unknown_name = false;       // and one whose name is not constant, or too many
    bool reads_sequence = false;     // currval, lastval
    bool moves_sequence = false;     // INSERT, nextval, setval, COPY, …
    bool seeds_random = false;       // setseed, SET SEED
    bool loads_library = false;      // LOAD
    bool may_define = false;         // changes the catalog

    bool operator==(const text_facts&) const = default;
};

/// The facts of one query string. Of a text whose trace is `none` or `code` no names are told:
/// what it sets, the server reports. Such a text costs no allocation.
text_facts facts_of(std::string_view text);

/// The facts of a function, by its pg_proc.prosrc and the name of its language. A body in
/// SQL-standard form has no source: pass pg_get_function_sqlbody(). What C code does is
/// not told. `left` is `unknown`.
text_facts facts_of_function(std::string_view source, std::string_view language);

}  // namespace pgballast::sql
