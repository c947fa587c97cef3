// What AND CHAIN repeats of a transaction block.
#pragma once

#include <string>
#include <vector>

#include "pgballast/session/requests.hpp"

namespace pgballast::session {

/// A text that opens a block like the one that these requests have opened: its BEGIN, and each
/// SET TRANSACTION. Empty if that cannot be told from them.
std::string opening_of(const std::vector<request>& transaction);

}  // namespace pgballast::session
