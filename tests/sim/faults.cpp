#include "faults.hpp"

#include <cstdio>

namespace pgballast::sim {
namespace {

/// FNV-1a.
std::uint64_t digest_of(std::string_view text) {
    std::uint64_t digest = 0xcbf29ce484222325;
    for (const char c : text)
        digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return digest;
}

std::uint64_t digest_of(const fault& one) {
    return chance::mix(digest_of(one.place) + one.time);
}

}  // namespace

std::string fault::name() const {
    char text[10];
    std::snprintf(text, sizeof text, "x%08x", static_cast<unsigned>(digest_of(*this)));
    return text;
}

std::optional<chance> faults::at(std::string place, unsigned times_likelier) {
    if (per_mille_ == 0)
        return {};
    const auto time = ++visits_[place];
    fault here{std::move(place), time};
    chance dice{seed_, concern::faults, digest_of(here)};
    const bool likely = dice.per_mille(per_mille_ * times_likelier);
    if (only_ ? !only_->contains(here.name()) : !likely)
        return {};
    happened_.push_back(std::move(here));
    return dice;
}

}  // namespace pgballast::sim
