// All randomness of a round comes from its seed.
#pragma once

#include <cstdint>
#include <random>

namespace pgballast::sim {

/// The standard's distributions differ between libraries; a seed should not.
class chance {
 public:
    explicit chance(std::uint64_t seed) : engine_{seed} {}

    /// 0 … `bound` - 1.
    unsigned below(unsigned bound) { return static_cast<unsigned>(engine_() % bound); }

    /// True `of` times in a thousand.
    bool per_mille(unsigned of) { return below(1000) < of; }

 private:
    std::mt19937_64 engine_;
};

}  // namespace pgballast::sim
