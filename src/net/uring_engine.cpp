#include "uring_engine.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace pgballast::net {
namespace {

// An operation's user_data: the channel, and in the low bits what it does.
enum class operation : std::uint64_t { receive, send, prompt_send, cancel, wakeup };
constexpr std::uint64_t operation_mask = 7;
static_assert(alignof(channel) > operation_mask);

std::uint64_t tag(const channel* c, operation what) noexcept {
    return reinterpret_cast<std::uintptr_t>(c) | static_cast<std::uint64_t>(what);
}
channel* channel_of(std::uint64_t user_data) noexcept {
    return reinterpret_cast<channel*>(user_data & ~operation_mask);
}
operation operation_of(std::uint64_t user_data) noexcept {
    return static_cast<operation>(user_data & operation_mask);
}

/// A socket's buffer takes so much at once, unless it is full: tcp_wmem's default in tcp(7).
constexpr std::size_t prompt_max = 16 * 1024;

/// The receive is over but the stream is not.
bool may_go_on(int result) noexcept {
    return result == -ENOBUFS || result == -ECANCELED || result == -EINTR;
}

}  // namespace

boost::system::result<std::unique_ptr<engine>> uring_engine::make() {
    auto wakeup = make_wakeup();
    if (!wakeup)
        return wakeup.error();
    std::unique_ptr<uring_engine> made{new uring_engine{std::move(*wakeup)}};
    if (const auto error = made->ring_.open())
        return error;
    if (const auto error = made->buffers_.open(made->ring_.raw()))
        return error;
    made->watch_wakeup();
    return std::unique_ptr<engine>{std::move(made)};
}

void uring_engine::turn(std::chrono::milliseconds timeout) {
    flush();
    wait(timeout);
    tell_stashed();

    std::array<completion, batch_max> batch;
    const auto count = ring_.take(batch);
    // Who is parked is settled before a handler can change it: the completions of one
    // connection have to keep their order.
    static_assert(batch_max <= 256);
    std::array<std::uint8_t, batch_max> first, others;
    std::size_t first_count = 0, others_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto* c = channel_of(batch[i].user_data);
        if (c && c->parked_)
            first[first_count++] = static_cast<std::uint8_t>(i);
        else
            others[others_count++] = static_cast<std::uint8_t>(i);
    }
    for (std::size_t i = 0; i < first_count; ++i)
        handle(batch[first[i]]);
    for (std::size_t i = 0; i < others_count; ++i)
        handle(batch[others[i]]);
    end_turn();
}

void uring_engine::wait(std::chrono::milliseconds timeout) {
    timeout = wait_time(timeout);
    // The sends that complete at once would end the wait: it is for what comes behind them.
    const bool ready = ring_.completed() > 0 || timeout == timeout.zero();
    auto known = ring_.completed();
    if (known == 0 || ring_.prepared() > 0)
        submit(timeout, ready ? 0 : prompt_ + 1);

    // Linux 6.12 and later complete so many and keep the others for the next call. Ask for
    // them all, for among them may be the end of a parked connection.
    constexpr unsigned per_call = 20;
    while (ring_.completed() - known >= per_call && ring_.completed() < batch_max) {
        known = ring_.completed();
        submit({}, 0);
    }
}

void uring_engine::submit(std::chrono::milliseconds timeout, unsigned wait_count) {
    ring_.enter(wait_count, timeout);
    if (ring_.prepared() == 0)
        gathers_.messages_used = gathers_.parts_used = 0;
}

void uring_engine::handle(const completion& done) {
    auto* c = channel_of(done.user_data);
    switch (operation_of(done.user_data)) {
        case operation::receive:
            return received(*c, done);
        case operation::prompt_send:
            --prompt_;
            return sent(*c, done.result);
        case operation::send:
            return sent(*c, done.result);
        case operation::cancel:
            return cancelled(*c);
        case operation::wakeup:
            woken();
            if (!(done.flags & IORING_CQE_F_MORE))
                watch_wakeup();
    }
}

void uring_engine::watch_wakeup() {
    auto& entry = ring_.prepare();
    io_uring_prep_poll_multishot(&entry, wakeup_fd(), POLLIN);
    entry.user_data = tag(nullptr, operation::wakeup);
}

void uring_engine::update(channel& c) {
    if (c.wants_input() && !c.receiving) {
        auto& entry = ring_.prepare();
        io_uring_prep_recv_multishot(&entry, c.fd_, nullptr, 0, 0);
        entry.flags |= IOSQE_BUFFER_SELECT;
        entry.buf_group = uring_buffers::group;
        entry.user_data = tag(&c, operation::receive);
        c.receiving = true;
    } else if (!c.wants_input() && c.receiving && !c.cancelling &&
               c.state != channel::phase::closing) {
        auto& entry = ring_.prepare();
        io_uring_prep_cancel64(&entry, tag(&c, operation::receive), 0);
        entry.user_data = tag(&c, operation::cancel);
        c.cancelling = true;
    }
}

void uring_engine::received(channel& c, const completion& done) {
    c.receiving = done.flags & IORING_CQE_F_MORE;
    const auto id = static_cast<std::uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT);
    if (done.result > 0)
        input(c, buffers_.received(id, static_cast<std::size_t>(done.result)));
    else if (!may_go_on(done.result))
        input_ended(c, -done.result);
    if (done.flags & IORING_CQE_F_BUFFER)
        buffers_.refill(id);

    if (!c.receiving) {
        update(c);
        settle(c);
    }
}

void uring_engine::cancelled(channel& c) {
    c.cancelling = false;
    // The cancellation may have missed the receive while it was at work; or the channel
    // has been resumed meanwhile.
    update(c);
    settle(c);
}

void uring_engine::write(channel& c) {
    if (c.sending || c.output.empty() || c.state == channel::phase::closing)
        return;
    constexpr auto parts_max = std::tuple_size_v<decltype(gathers::parts)>;
    constexpr auto messages_max = std::tuple_size_v<decltype(gathers::messages)>;
    if (gathers_.parts_used + gather_max > parts_max || gathers_.messages_used == messages_max) {
        submit({}, 0);
        if (ring_.prepared() > 0)
            return write_later(c);
    }

    auto& entry = ring_.prepare();
    const int flags = MSG_NOSIGNAL | (c.patient ? 0 : MSG_DONTWAIT);
    auto* parts = &gathers_.parts[gathers_.parts_used];
    const auto gathered = c.output.gather({parts, gather_max});
    if (gathered.count == 1) {
        io_uring_prep_send(&entry, c.fd_, parts->iov_base, parts->iov_len, flags);
    } else {
        auto& message = gathers_.messages[gathers_.messages_used++];
        message = {};
        message.msg_iov = parts;
        message.msg_iovlen = gathered.count;
        gathers_.parts_used += gathered.count;
        io_uring_prep_sendmsg(&entry, c.fd_, &message, static_cast<unsigned>(flags));
    }
    // Where something is to be done as soon as it is sent, or the rest of it to be sent, the
    // wait must end with it.
    const bool awaited = c.pressed || gathered.size < c.queued_ || c.state != channel::phase::open;
    const bool prompt = !c.patient && !awaited && gathered.size <= prompt_max;
    entry.user_data = tag(&c, prompt ? operation::prompt_send : operation::send);
    prompt_ += prompt;
    c.sending = gathered.size;
    c.taken_ += gathered.size;
}

void uring_engine::sent(channel& c, int result) {
    const auto asked = std::exchange(c.sending, 0);
    const auto taken = static_cast<std::size_t>(std::max(result, 0));
    c.taken_ -= asked - taken;
    c.patient = result == -EAGAIN || (result >= 0 && taken < asked);
    if (c.broken || (result < 0 && result != -EAGAIN && result != -EINTR))
        output_failed(c, -std::min(result, 0));
    else
        output_taken(c, taken);
    write_later(c);
    settle(c);
}

}  // namespace pgballast::net
