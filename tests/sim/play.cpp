#include "play.hpp"

namespace pgballast::sim {

outcome play(const plan& round, sabotage wrong, bool verbose) {
    outcome seen;
    world one{round, wrong, verbose};
    try {
        seen.sum = one.run();
    } catch (const std::exception& error) {
        seen.broken = error.what();
    }
    seen.faults = one.happened();
    return seen;
}

}  // namespace pgballast::sim
