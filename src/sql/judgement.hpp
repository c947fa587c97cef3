// What a text says for certain, read token by token.
#pragma once

#include <string_view>

#include "pgballast/sql/traceless.hpp"

namespace pgballast::sql {

struct judgement {
    trace left = trace::none;
    bool moves_sequence = false;  // by a default of a column; said only of `code`
};

/// Judges one query string in one pass, in constant space.
judgement judge(std::string_view text);

}  // namespace pgballast::sql
