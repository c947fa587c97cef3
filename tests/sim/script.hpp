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

/// What kind of client it is.
struct habits {
    unsigned length = 1;     // of its script, in groups
    unsigned first_row = 0;  // its rows are numbered from here on
    bool pipelines = false;
    bool prepares = false;  // statements with names, as others use too
    bool discards = false;  // everything, now and then
};

std::vector<group> make_script(chance dice, const habits& of);

}  // namespace pgballast::sim
