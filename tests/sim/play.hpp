// A round from its beginning to its end, whatever becomes of it.
#pragma once

#include "world.hpp"

namespace pgballast::sim {

struct outcome {
    tally sum;
    std::string broken;  // what was seen that must not be; empty if nothing was
    std::vector<fault> faults;

    /// Rounds fail in the same way when this is the same.
    std::string kind() const { return broken.substr(0, broken.find(':')); }
};

outcome play(const plan& round, sabotage wrong, bool verbose = false);

}  // namespace pgballast::sim
