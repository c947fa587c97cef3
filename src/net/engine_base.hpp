// What both engines do alike: the queues of connections, what a handler is told
// and when, and how a connection leaves. What an engine adds is how the kernel is
// asked: `update`, `write` and `turn`.
#pragma once

#include <atomic>

#include "channel.hpp"
#include "unique_fd.hpp"

namespace pgballast::net {

class engine_base : public engine {
 public:
    connection& add(int fd, handler& h) final;
    void send(connection& c, slice data) final;
    void pause(connection& c) final;
    void resume(connection& c) final;
    void set_parked(connection& c, bool parked) final;
    void close(connection& c) final;
    void close_when_sent(connection& c) final;
    void detach(connection& c, std::function<void(detached)> done) final;
    void wake() noexcept final;

 protected:
    /// Connections looked at in one turn.
    static constexpr std::size_t batch_max = 256;
    /// Slices in one gathered write.
    static constexpr std::size_t gather_max = 64;

    explicit engine_base(unique_fd wakeup) : wakeup_{std::move(wakeup)} {}
    ~engine_base() override;

    // Asked of the engine.

    /// Makes what the kernel watches fit what the channel wants.
    virtual void update(channel& c) = 0;
    /// Gives the kernel what is queued, or as much as it takes now.
    virtual void write(channel& c) = 0;

    // Told by the engine. Each may call a handler, which may close any channel: those
    // stay good, as `gone`, until `end_turn`.

    void input(channel& c, slice data);
    /// `error`: errno, 0 for an orderly end.
    void input_ended(channel& c, int error);
    void output_taken(channel& c, std::size_t size);
    void output_failed(channel& c, int error);
    /// The kernel refuses to watch the channel. Calls no handler: that is for the next turn.
    void watch_failed(channel& c, int error);
    /// Takes a channel that leaves as far on its way as it can go now.
    void settle(channel& c);
    /// Called when the wake-up descriptor has become readable; it need not be read.
    void woken() noexcept { wake_pending_.exchange(false); }

    /// Has `write` called by the next `flush`, if anything is queued.
    void write_later(channel& c);

    // Parts of a turn.

    /// Writes what handlers have queued since the last call.
    void flush();
    /// Tells what was stashed for connections that have been resumed.
    void tell_stashed();
    /// How long to wait: no longer than `timeout`, not at all if there is work left.
    std::chrono::milliseconds wait_time(std::chrono::milliseconds timeout) const;
    void end_turn();

    int wakeup_fd() const noexcept { return wakeup_.get(); }

    slice_queue::pool nodes_;

 private:
    void leave(channel& c, channel::phase how);
    void end_leave(channel& c);
    void begin_close(channel& c);
    void hand_over(channel& c);
    void bury(channel& c);
    void tell_end(channel& c);

    unique_fd wakeup_;  // an eventfd
    std::atomic<bool> wake_pending_{false};

    channel_list<&channel::home> all_;      // open or closing
    channel_list<&channel::home> leaving_;  // by deadline
    channel_list<&channel::home> dead_;
    channel_list<&channel::dirty> dirty_;
    channel_list<&channel::revived> revived_;
};

/// An eventfd for `wake`.
boost::system::result<unique_fd> make_wakeup();

/// The error code for an errno.
inline boost::system::error_code system_error(int error) noexcept {
    return {error, boost::system::system_category()};
}

}  // namespace pgballast::net
