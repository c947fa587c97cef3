// An io_uring: the two queues shared with the kernel and the one system call.
#pragma once

#include <liburing.h>

#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <span>

namespace pgballast::net {

/// A completion, copied out of the queue.
struct completion {
    std::uint64_t user_data;
    int result;  // of the operation, or minus an errno
    std::uint32_t flags;
};

/// Used by one thread: the first to `enter`. It may be opened by another.
class uring_ring {
 public:
    static constexpr unsigned submissions_max = 512;
    static constexpr unsigned completions_max = 8 * submissions_max;

    uring_ring() = default;
    uring_ring(const uring_ring&) = delete;
    uring_ring& operator=(const uring_ring&) = delete;
    ~uring_ring();

    boost::system::error_code open();

    /// A blank entry; those there are have been submitted if there was no room.
    io_uring_sqe& prepare();

    /// Submits what is prepared, and waits up to `timeout` until `wait_count` completions
    /// are ready. Throws when the kernel has given the ring up.
    void enter(unsigned wait_count, std::chrono::milliseconds timeout);

    /// Prepared and not submitted yet.
    unsigned prepared() const noexcept { return io_uring_sq_ready(&ring_); }
    unsigned completed() const noexcept { return io_uring_cq_ready(&ring_); }

    /// Takes completions, oldest first; returns how many.
    std::size_t take(std::span<completion> into) noexcept;

    io_uring& raw() noexcept { return ring_; }

 private:
    void enable();
    unsigned publish() noexcept;

    io_uring ring_{};
    bool open_ = false;
    bool enabled_ = false;
};

}  // namespace pgballast::net
