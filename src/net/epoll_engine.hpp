// The engine for every Linux: level-triggered epoll, one read for each readiness,
// writes at once, and EPOLLOUT only while the kernel takes no more.
#pragma once

#include <sys/epoll.h>

#include <span>

#include "engine_base.hpp"

namespace pgballast::net {

class epoll_engine final : public engine_base {
 public:
    static boost::system::result<std::unique_ptr<engine>> make();

    const char* name() const noexcept override { return "epoll"; }
    void turn(std::chrono::milliseconds timeout) override;

 private:
    epoll_engine(unique_fd poll, unique_fd wakeup)
        : engine_base{std::move(wakeup)}, poll_{std::move(poll)} {}

    void update(channel& c) override;
    void write(channel& c) override;

    void handle(channel& c, std::uint32_t events);
    void read(channel& c);
    std::span<char> room();

    unique_fd poll_;
    slice buffer_;  // the whole chunk read into
    std::size_t buffer_used_ = 0;
};

}  // namespace pgballast::net
