#include "pgballast/session/hash.hpp"

#include <xxhash.h>

#include <new>

namespace pgballast::session {

void hasher::deleter::operator()(XXH3_state_s* state) const noexcept {
    XXH3_freeState(state);
}

hasher::hasher() : state_{XXH3_createState()} {
    if (!state_)
        throw std::bad_alloc{};
    reset();
}

void hasher::add(wire::bytes part) {
    XXH3_128bits_update(state_.get(), part.data(), part.size());
}

void hasher::reset() noexcept {
    XXH3_128bits_reset(state_.get());
}

digest hasher::digest() const {
    const auto value = XXH3_128bits_digest(state_.get());
    return {value.high64, value.low64};
}

}  // namespace pgballast::session
