// Statements that change no catalog.
#pragma once

#include <string_view>

namespace pgballast::sql {

/// Whether every statement of the text begins with a word that none does that changes the
/// catalog; SELECT INTO aside. What stands behind a semicolon in a string counts, too.
bool begins_plainly(std::string_view text);

}  // namespace pgballast::sql
