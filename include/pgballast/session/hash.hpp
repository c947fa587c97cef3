// A 128-bit hash of a stream: XXH3.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "pgballast/wire/frame.hpp"

struct XXH3_state_s;

namespace pgballast::session {

using digest = std::array<std::uint64_t, 2>;

/// Equal streams have equal digests, however they were cut. Not for secrets.
class hasher {
 public:
    hasher();

    void add(wire::bytes part);
    void reset() noexcept;
    session::digest digest() const;

 private:
    struct deleter {
        void operator()(XXH3_state_s* state) const noexcept;
    };
    std::unique_ptr<XXH3_state_s, deleter> state_;
};

}  // namespace pgballast::session
