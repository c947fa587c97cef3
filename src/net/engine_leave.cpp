// How a connection leaves its engine: at once, when its output is sent, or alive to
// another engine.
#include <sys/socket.h>

#include <cerrno>

#include "engine_base.hpp"

namespace pgballast::net {
namespace {

using phase = channel::phase;

}  // namespace

void engine_base::close(connection& c) {
    assert(channel::of(c).state == phase::open);
    begin_close(channel::of(c));
}

void engine_base::close_when_sent(connection& c) {
    leave(channel::of(c), phase::lingering);
}

void engine_base::detach(connection& which, std::function<void(detached)> done) {
    auto& c = channel::of(which);
    c.on_detached = std::make_unique<std::function<void(detached)>>(std::move(done));
    leave(c, phase::detaching);
}

void engine_base::leave(channel& c, phase how) {
    assert(c.state == phase::open);
    c.state = how;
    c.handler_ = nullptr;
    c.revived.unlink();
    if (how == phase::lingering)
        c.stash.clear(nodes_);
    c.home.unlink();
    c.deadline = std::chrono::steady_clock::now() + linger_max;
    leaving_.push_back(c);
    update(c);
    settle(c);
}

void engine_base::settle(channel& c) {
    switch (c.state) {
        case phase::open:
        case phase::gone:
            return;
        case phase::lingering:
            if (c.ended || c.broken) {
                if (c.output.empty())
                    begin_close(c);
            } else if (c.output.empty() && !c.finished) {
                // A socket closed with input unread is reset, and a reset overtakes
                // what was sent last: wait for the peer to end.
                ::shutdown(c.fd_, SHUT_WR);
                c.finished = true;
            }
            return;
        case phase::detaching:
            if (c.output.empty() && c.idle())
                hand_over(c);
            return;
        case phase::closing:
            if (c.idle())
                bury(c);
    }
}

/// The time to leave in peace is over.
void engine_base::end_leave(channel& c) {
    c.home.unlink();
    all_.push_back(c);
    if (c.state == phase::lingering)
        begin_close(c);
    else
        output_failed(c, ETIMEDOUT);
}

void engine_base::begin_close(channel& c) {
    c.state = phase::closing;
    c.handler_ = nullptr;
    if (!c.idle()) {
        ::shutdown(c.fd_, SHUT_RDWR);  // completes what the kernel still does for it
        c.home.unlink();
        all_.push_back(c);
    }
    settle(c);
}

void engine_base::hand_over(channel& c) {
    detached result{c.fd_, {}, c.ended || c.broken};
    while (!c.stash.empty())
        result.early += c.stash.pop(nodes_).view();
    const auto done = std::move(c.on_detached);
    bury(c);
    (*done)(std::move(result));
}

void engine_base::bury(channel& c) {
    const bool moved = c.state == phase::detaching;
    c.state = phase::gone;
    c.blocked = false;
    update(c);
    if (!moved)
        ::close(c.fd_);
    c.fd_ = -1;
    c.output.clear(nodes_);
    c.stash.clear(nodes_);
    c.dirty.unlink();
    c.revived.unlink();
    c.home.unlink();
    dead_.push_back(c);
}

}  // namespace pgballast::net
