// All randomness of a round comes from its seed.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgballast::sim {

/// What dice are thrown for. Each has its own, or a request that is left out of a round
/// would change everything behind it.
enum class concern : std::uint64_t { settings, manner, script, thinking, faults, timing };

/// The same on every machine, which the standard's distributions are not; and made anew
/// for each client and fault, for which the standard's engines are too large. SplitMix64:
/// https://prng.di.unimi.it/splitmix64.c
class chance {
 public:
    chance(std::uint64_t seed, concern what, std::uint64_t which = 0)
        : state_{mix(mix(seed + step) + static_cast<std::uint64_t>(what) * step) ^ mix(which)} {}

    /// 0 … `bound` - 1.
    unsigned below(unsigned bound) { return static_cast<unsigned>(mix(state_ += step) % bound); }

    /// True `of` times in a thousand.
    bool per_mille(unsigned of) { return below(1000) < of; }

    static std::uint64_t mix(std::uint64_t value) {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }

 private:
    static constexpr std::uint64_t step = 0x9e3779b97f4a7c15;

    std::uint64_t state_;
};

}  // namespace pgballast::sim
