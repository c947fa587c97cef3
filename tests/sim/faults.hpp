// What fails in a round, and where.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "chance.hpp"

namespace pgballast::sim {

/// Names of requests and faults.
using parts = std::set<std::string>;

struct fault {
    std::string place;  // described by what is done there
    unsigned time = 1;  // that it is done

    std::string name() const;
};

/// Decides at every place where something can fail. A place counts how often it was come
/// to: so a fault stays where it is when something else is left out of the round.
class faults {
 public:
    /// `only`: the faults that happen, by name, whatever the dice say.
    faults(std::uint64_t seed, unsigned per_mille, const std::optional<parts>& only)
        : seed_{seed}, per_mille_{per_mille}, only_{only} {}

    /// Dice for the ways to fail, if something fails here.
    std::optional<chance> at(std::string place, unsigned times_likelier = 1);

    const std::vector<fault>& happened() const { return happened_; }

 private:
    const std::uint64_t seed_;
    const unsigned per_mille_;
    const std::optional<parts>& only_;
    std::map<std::string, unsigned> visits_;
    std::vector<fault> happened_;
};

}  // namespace pgballast::sim
