// What a client says.
#pragma once

#include <string>
#include <vector>

#include "chance.hpp"

namespace pgballast::sim {

/// One Query, or one segment up to its Sync.
struct request {
    std::vector<std::string> statements = {};
    bool extended = false;
    std::vector<std::string> copied = {};  // the rows of a `copy`, "bad" among them
    bool synced = true;   // an extended `copy` has its Sync at once, as libpq sends it
    unsigned number = 0;  // in the client's script
};

/// What is sent without waiting in between.
struct group {
    std::vector<request> requests;
    unsigned transaction = 0;  // groups of one number belong together
};

/// A script of `length` groups, in which rows are numbered from `first_row` on.
std::vector<group> make_script(chance dice, unsigned length, unsigned first_row, bool pipelines);

}  // namespace pgballast::sim
