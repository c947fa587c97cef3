// What an engine knows of a connection.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "pgballast/net/engine.hpp"
#include "slice_queue.hpp"

namespace pgballast::net {

namespace intrusive = boost::intrusive;

struct channel : connection {
    enum class phase : std::uint8_t {
        open,       // the handler is told everything
        lingering,  // sends what is queued, says end of stream, discards input until the peer ends
        detaching,  // sends what is queued, keeps input for `detached::early`
        closing,    // waits for the kernel to let go of it
        gone,       // not of the engine any more; its memory goes at the end of the turn
    };
    using hook = intrusive::list_member_hook<intrusive::link_mode<intrusive::auto_unlink>>;

    hook home;     // in the list of all, of those that leave, or of the dead
    hook dirty;    // has output to be written
    hook revived;  // has stashed input, or its end, to be told

    slice_queue output;
    slice_queue stash;  // input while the handler does not want it
    std::unique_ptr<std::function<void(engine::detached)>> on_detached;
    std::chrono::steady_clock::time_point deadline;  // when leaving
    int error = 0;                                   // errno of what failed first

    phase state = phase::open;
    bool pressed = false;   // the queue stood above high_mark and has not drained since
    bool broken = false;    // output has failed and is dropped
    bool ended = false;     // no more input comes
    bool told = false;      // the handler knows that it ended
    bool finished = false;  // our end of stream is said

    // epoll's
    bool blocked = false;        // waits to become writable
    std::uint32_t interest = 0;  // the events registered; none: not registered

    // io_uring's: operations the kernel has not completed. None: it has let go.
    bool receiving = false;
    bool cancelling = false;
    bool patient = false;     // the next send waits for room instead of failing
    std::size_t sending = 0;  // bytes, the first of `output`, that a send looks at

    using connection::fd_;
    using connection::handler_;
    using connection::parked_;
    using connection::paused_;
    using connection::queued_;
    using connection::taken_;

    channel() = default;
    ~channel() = default;

    static channel& of(connection& c) noexcept { return static_cast<channel&>(c); }

    bool idle() const noexcept { return !receiving && !cancelling && !sending; }
    /// Nothing more is read before what is stashed has been told, or each time a slow
    /// peer took a little, much more would be read than that.
    bool wants_input() const noexcept {
        const bool open = state == phase::open && !paused_ && stash.empty();
        return !ended && (open || state == phase::lingering);
    }
};

static_assert(sizeof(channel) <= 200, "thousands of idle connections have one each");

template <channel::hook channel::*Hook>
using channel_list = intrusive::list<channel, intrusive::member_hook<channel, channel::hook, Hook>,
                                     intrusive::constant_time_size<false>>;

}  // namespace pgballast::net
