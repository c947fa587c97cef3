// Texts that stand for the time at which they are parsed.
#pragma once

#include <string_view>

namespace pgballast::sql {

/// Whether parsing `text` once is not the same as parsing it each time: Parse makes a
/// constant of `'now'::timestamptz` and of any other literal that says now, today, tomorrow
/// or yesterday. Errs towards true: a literal may hold the word and be no time, and
/// what the lexer does not follow (backslashes, dollar quotes) is searched as a whole.
/// PostgreSQL documentation, 8.5.1.4 "Special Values".
bool freezes_time(std::string_view text);

}  // namespace pgballast::sql
