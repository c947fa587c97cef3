#include "engine_base.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pgballast::net {
namespace {

using phase = channel::phase;
using std::chrono::steady_clock;

}  // namespace

engine_base::~engine_base() {
    for (auto* list : {&all_, &leaving_, &dead_}) {
        list->clear_and_dispose([this](channel* c) {
            c->output.clear(nodes_);
            c->stash.clear(nodes_);
            if (c->fd_ >= 0)
                ::close(c->fd_);
            delete c;
        });
    }
}

connection& engine_base::add(int fd, handler& h) {
    auto* c = new channel;
    c->fd_ = fd;
    c->handler_ = &h;
    all_.push_back(*c);
    update(*c);
    return *c;
}

void engine_base::send(connection& to, slice data) {
    auto& c = channel::of(to);
    assert(c.state == phase::open);
    if (data.empty() || c.broken)
        return;
    c.queued_ += data.size();
    c.pressed |= c.queued_ > high_mark;
    c.output.push(nodes_, std::move(data));
    write_later(c);
}

void engine_base::write_later(channel& c) {
    if (!c.output.empty() && !c.dirty.is_linked())
        dirty_.push_back(c);
}

void engine_base::pause(connection& which) {
    auto& c = channel::of(which);
    assert(c.state == phase::open);
    c.paused_ = true;
    update(c);
}

void engine_base::resume(connection& which) {
    auto& c = channel::of(which);
    assert(c.state == phase::open);
    c.paused_ = false;
    update(c);
    // Not told from here: the caller may be a handler that is not done yet.
    if ((!c.stash.empty() || (c.ended && !c.told)) && !c.revived.is_linked())
        revived_.push_back(c);
}

void engine_base::set_parked(connection& c, bool parked) {
    assert(channel::of(c).state == phase::open);
    channel::of(c).parked_ = parked;
}

void engine_base::wake() noexcept {
    if (!wake_pending_.exchange(true))
        ::eventfd_write(wakeup_.get(), 1);
}

void engine_base::input(channel& c, slice data) {
    if (c.state == phase::detaching || (c.state == phase::open && (c.paused_ || !c.stash.empty())))
        c.stash.push(nodes_, std::move(data));
    else if (c.state == phase::open)
        c.handler_->on_data(std::move(data));
}

void engine_base::input_ended(channel& c, int error) {
    c.ended = true;
    if (c.error == 0)
        c.error = error;
    if (c.state == phase::open && !c.paused_ && c.stash.empty())
        tell_end(c);
    settle(c);
}

void engine_base::tell_end(channel& c) {
    c.told = true;
    c.handler_->on_end(c.error ? system_error(c.error) : boost::system::error_code{});
}

void engine_base::output_taken(channel& c, std::size_t size) {
    c.output.remove_prefix(nodes_, size);
    c.queued_ -= size;
    if (c.pressed && c.queued_ <= low_mark) {
        c.pressed = false;
        if (c.state == phase::open)
            c.handler_->on_drained();
    }
    settle(c);
}

void engine_base::output_failed(channel& c, int error) {
    c.broken = true;
    if (c.error == 0)
        c.error = error;
    // The failure is told where the input ends, behind what the peer has said before
    // (its last words may say why). This makes sure that it does end.
    ::shutdown(c.fd_, SHUT_RDWR);
    c.blocked = false;
    if (!c.sending)
        output_taken(c, c.queued_);
}

void engine_base::watch_failed(channel& c, int error) {
    c.interest = 0;
    c.ended = true;
    if (c.error == 0)
        c.error = error;
    if (c.state == phase::open && !c.revived.is_linked())
        revived_.push_back(c);
}

void engine_base::flush() {
    // A handler called from here may queue more; that is left to the next call, so
    // that nobody keeps the turn from going on.
    channel_list<&channel::dirty> batch;
    batch.swap(dirty_);
    while (!batch.empty()) {
        auto& c = batch.front();
        batch.pop_front();
        write(c);
    }
}

void engine_base::tell_stashed() {
    channel_list<&channel::revived> batch;
    batch.swap(revived_);
    while (!batch.empty()) {
        auto& c = batch.front();
        batch.pop_front();
        while (c.state == phase::open && !c.paused_ && !c.stash.empty())
            c.handler_->on_data(c.stash.pop(nodes_));
        if (c.state == phase::open && !c.paused_ && c.ended && !c.told)
            tell_end(c);
        if (c.state == phase::open)
            update(c);
    }
}

std::chrono::milliseconds engine_base::wait_time(std::chrono::milliseconds timeout) const {
    if (!dirty_.empty() || !revived_.empty())
        return std::chrono::milliseconds::zero();
    if (!leaving_.empty()) {
        const auto left = leaving_.front().deadline - steady_clock::now();
        timeout = std::min(timeout, std::chrono::ceil<std::chrono::milliseconds>(left));
    }
    return std::max(timeout, std::chrono::milliseconds::zero());
}

void engine_base::end_turn() {
    if (!leaving_.empty()) {
        const auto now = steady_clock::now();
        while (!leaving_.empty() && leaving_.front().deadline <= now)
            end_leave(leaving_.front());
    }
    dead_.clear_and_dispose([](channel* c) { delete c; });
}

boost::system::result<unique_fd> make_wakeup() {
    // Blocking, for io_uring: it reports a non-blocking descriptor's EAGAIN. Nobody
    // reads it, and only 2^64 wake-ups would fill it.
    unique_fd fd{::eventfd(0, EFD_CLOEXEC)};
    if (!fd)
        return system_error(errno);
    return fd;
}

}  // namespace pgballast::net
