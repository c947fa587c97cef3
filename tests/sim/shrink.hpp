// Makes a round that fails short enough to be read.
#pragma once

#include "play.hpp"

namespace pgballast::sim {

struct shrunk {
    plan round;
    outcome seen;
};

/// Leaves out clients, requests and faults for as long as the round fails in the same
/// way, with the delays it has or with others. `seen`: how the whole round fails.
shrunk shrink(const plan& round, outcome seen, sabotage wrong);

/// What `--only` takes to play it again.
std::string names_of_parts(const shrunk& one);

}  // namespace pgballast::sim
