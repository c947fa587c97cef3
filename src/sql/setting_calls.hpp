// Calls of set_config(name, value, is_local).
#pragma once

#include <cstddef>
#include <string>

#include "raw_text.hpp"

namespace pgballast::sql {

struct setting_call {
    std::string name;       // in lower case; empty: not constant, or not understood
    bool is_local = false;  // certainly: it ends with the transaction
};

/// Reads the arguments behind the parenthesis at `place`.
setting_call setting_call_at(raw_text& text, std::size_t place);

}  // namespace pgballast::sql
