// The ring of buffers that the kernel receives into, shared by all connections of an
// engine: an idle one holds none. The buffers are chunks of the slab. A slot is filled
// again as soon as what arrived in it has been handled, with another chunk if slices
// still look into this one, so slices that are kept for long never starve the ring.
#pragma once

#include <liburing.h>

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <vector>

#include "pgballast/net/chunk.hpp"

namespace pgballast::net {

class uring_buffers {
 public:
    static constexpr unsigned count = 256;  // a power of two
    static constexpr std::uint16_t group = 0;
    /// What is no larger is copied out, to share memory with others of its kind: slices of
    /// requests are kept until the reply, and would hold a chunk for some bytes each.
    static constexpr std::size_t copy_max = 1024;

    explicit uring_buffers(slab& memory) : memory_{memory} {}
    uring_buffers(const uring_buffers&) = delete;
    uring_buffers& operator=(const uring_buffers&) = delete;
    ~uring_buffers();  // the io_uring is closed before

    boost::system::error_code open(io_uring& ring);

    /// The first `size` bytes of the buffer with this id.
    slice received(std::uint16_t id, std::size_t size);

    /// Gives the slot back to the kernel.
    void refill(std::uint16_t id);

 private:
    void offer(std::uint16_t id);

    slab& memory_;
    io_uring_buf_ring* ring_ = nullptr;
    std::vector<slice> chunks_;  // whole, by id
};

}  // namespace pgballast::net
