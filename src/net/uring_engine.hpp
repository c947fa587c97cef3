// The engine for Linux 6.0 and later: a multishot receive per connection into a ring of
// shared buffers, and sends that go to the kernel together, in the system call that
// waits for what comes next.
#pragma once

#include <sys/socket.h>

#include <array>

#include "engine_base.hpp"
#include "uring_buffers.hpp"
#include "uring_ring.hpp"

namespace pgballast::net {

class uring_engine final : public engine_base {
 public:
    static boost::system::result<std::unique_ptr<engine>> make();

    const char* name() const noexcept override { return "io_uring"; }
    void turn(std::chrono::milliseconds timeout) override;

 private:
    explicit uring_engine(unique_fd wakeup) : engine_base{std::move(wakeup)}, buffers_{memory()} {}

    void update(channel& c) override;
    void write(channel& c) override;

    void watch_wakeup();
    void wait(std::chrono::milliseconds timeout);
    void submit(std::chrono::milliseconds timeout, unsigned wait_count);
    void handle(const completion& done);
    void received(channel& c, const completion& done);
    void sent(channel& c, int result);
    void cancelled(channel& c);

    /// What a gathered write points at while it is not submitted; then the kernel has its
    /// own copy (IORING_FEAT_SUBMIT_STABLE).
    struct gathers {
        std::array<msghdr, 64> messages;
        std::array<iovec, 1024> parts;
        std::size_t messages_used = 0;
        std::size_t parts_used = 0;
    };

    uring_buffers buffers_;  // outlives the ring
    uring_ring ring_;
    gathers gathers_;
    unsigned prompt_ = 0;  // sends that complete when they are submitted, and nobody waits for
};

}  // namespace pgballast::net
