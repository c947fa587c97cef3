#include "epoll_engine.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace pgballast::net {
namespace {

// A smaller rest of a chunk is not read into: it would make big transfers choppy.
constexpr std::size_t room_min = slab::chunk_size / 2;

ssize_t send_some(int fd, std::span<iovec> parts) noexcept {
    if (parts.size() == 1)
        return ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool would_block(int error) noexcept {
    return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

boost::system::result<std::unique_ptr<engine>> epoll_engine::make() {
    unique_fd poll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!poll)
        return system_error(errno);
    auto wakeup = make_wakeup();
    if (!wakeup)
        return wakeup.error();

    // Edge-triggered, so that each wake-up is told once without a read. No pointer
    // marks it.
    epoll_event event{EPOLLIN | EPOLLET, {nullptr}};
    if (::epoll_ctl(poll.get(), EPOLL_CTL_ADD, wakeup->get(), &event) != 0)
        return system_error(errno);
    return std::unique_ptr<engine>{new epoll_engine{std::move(poll), std::move(*wakeup)}};
}

void epoll_engine::turn(std::chrono::milliseconds timeout) {
    flush();
    std::array<epoll_event, batch_max> events;
    const int wait = static_cast<int>(wait_time(timeout).count());
    const int count = ::epoll_wait(poll_.get(), events.data(), batch_max, wait);
    tell_stashed();
    flush();

    std::array<const epoll_event*, batch_max> others;
    std::size_t others_count = 0;
    for (int i = 0; i < count; ++i) {
        auto* c = static_cast<channel*>(events[i].data.ptr);
        if (!c)
            woken();
        else if (c->parked_)
            handle(*c, events[i].events);
        else
            others[others_count++] = &events[i];
    }
    for (std::size_t i = 0; i < others_count; ++i)
        handle(*static_cast<channel*>(others[i]->data.ptr), others[i]->events);
    end_turn();
}

void epoll_engine::handle(channel& c, std::uint32_t events) {
    // An error or a hang-up makes both reading and writing say what it is.
    if (c.blocked && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        c.blocked = false;
        write(c);
    }
    if (c.wants_input() && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        read(c);
    update(c);
    flush();
}

void epoll_engine::update(channel& c) {
    // Not registered at all rather than for nothing: a hang-up would be reported on
    // and on. EPOLLRDHUP would as well, and reading tells the peer's end anyway, in its
    // place behind the data.
    const std::uint32_t wanted = (c.wants_input() ? EPOLLIN : 0U) | (c.blocked ? EPOLLOUT : 0U);
    if (wanted == c.interest)
        return;
    const int how = c.interest == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    c.interest = wanted;
    epoll_event event{wanted, {&c}};
    if (::epoll_ctl(poll_.get(), how, c.fd_, &event) != 0)
        watch_failed(c, errno);
}

void epoll_engine::read(channel& c) {
    const auto into = room();
    const auto got = ::recv(c.fd_, into.data(), into.size(), 0);
    if (got > 0) {
        const auto size = static_cast<std::size_t>(got);
        buffer_used_ += size;
        input(c, slice{buffer_.home(), into.data(), size});
    } else if (got == 0) {
        input_ended(c, 0);
    } else if (!would_block(errno) && errno != EINTR) {
        input_ended(c, errno);
    }
}

/// Where to read into: behind what slices still look into, or the same place again
/// when none does.
std::span<char> epoll_engine::room() {
    if (buffer_.unique())
        buffer_used_ = 0;
    if (buffer_.size() - buffer_used_ < room_min) {
        buffer_ = slice{memory().take()};
        buffer_used_ = 0;
    }
    return {buffer_.home().data() + buffer_used_, buffer_.size() - buffer_used_};
}

void epoll_engine::write(channel& c) {
    // No more than is queued now: a handler told that it drained may queue again.
    for (auto left = c.queued_; left > 0 && !c.blocked && !c.output.empty();) {
        std::array<iovec, gather_max> parts;
        const auto gathered = c.output.gather(parts);
        const auto sent = send_some(c.fd_, std::span{parts}.first(gathered.count));
        if (sent >= 0) {
            const auto taken = static_cast<std::size_t>(sent);
            left -= std::min(left, taken);
            c.taken_ += taken;
            c.blocked = taken < gathered.size;  // for sure: the next write would say EAGAIN
            output_taken(c, taken);
        } else if (would_block(errno)) {
            c.blocked = true;
        } else if (errno != EINTR) {
            output_failed(c, errno);
        }
    }
    update(c);
}

}  // namespace pgballast::net
