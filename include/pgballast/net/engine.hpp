// The data plane's contract with the kernel: one interface, io_uring and epoll
// behind it. All of it belongs to one worker thread, but for `wake()`.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "pgballast/net/chunk.hpp"

namespace pgballast::net {

/// What the owner of a connection is told, on the engine's thread. A handler may
/// send to, pause, resume or close any connection from within, its own too.
class handler {
 public:
    /// Bytes arrived. Keep the slice, lend it on with `engine::send`, or drop it.
    virtual void on_data(slice data) = 0;

    /// The peer closed (no error) or the socket failed, told behind all that it sent
    /// before. It is the last `on_data` or `on_end` for this connection;
    /// `engine::close` is still owed, and a peer that only stopped sending can be
    /// answered until then.
    virtual void on_end(boost::system::error_code error) = 0;

    /// The output queue has drained to `engine::low_mark` after it stood above
    /// `engine::high_mark`; or it was dropped, since writing failed.
    virtual void on_drained() = 0;

 protected:
    ~handler() = default;
};

/// A socket registered with an engine. Owned by the engine; the pointer is good
/// until `close`, `close_when_sent` or `detach`.
class connection {
 public:
    /// Bytes given to `send` that the kernel has not taken yet.
    std::size_t queued() const noexcept { return queued_; }

    /// Bytes that the kernel has taken, or is just looking at.
    std::uint64_t taken() const noexcept { return taken_; }
    int fd() const noexcept { return fd_; }
    bool paused() const noexcept { return paused_; }

    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

 protected:
    connection() = default;
    ~connection() = default;

    int fd_ = -1;
    bool paused_ = false;
    bool parked_ = false;
    std::size_t queued_ = 0;
    std::uint64_t taken_ = 0;
    handler* handler_ = nullptr;
};

/// Turned by one thread for all its life, which also makes every other call but `wake`.
/// It may be made, and be given its first connections, by another thread before the
/// first turn, and be destroyed by one after the last.
class engine {
 public:
    /// A source should be paused while its target's queue is above `high_mark`;
    /// `on_drained` says when to resume it. Bytes.
    static constexpr std::size_t high_mark = 256 * 1024;
    static constexpr std::size_t low_mark = 64 * 1024;

    virtual ~engine() = default;
    virtual const char* name() const noexcept = 0;  // "io_uring" or "epoll"

    /// Takes over a connected non-blocking socket, of any family, and starts to read from
    /// it. Never fails: a socket that cannot be watched ends in a later turn.
    virtual connection& add(int fd, handler& h) = 0;

    /// Queues a slice. What is queued within one event goes out in one gathered
    /// write when the handler that caused it has returned (io_uring: all that is queued
    /// within a turn, when the next begins). Failures show in `on_end`.
    virtual void send(connection& c, slice data) = 0;

    /// No `on_data` nor `on_end` until `resume`, and then from a turn. What the kernel
    /// delivers meanwhile is kept.
    virtual void pause(connection& c) = 0;
    virtual void resume(connection& c) = 0;

    /// Parked connections (idle backends) are looked at first within a turn, so
    /// that nobody is given a backend whose end is already known.
    virtual void set_parked(connection& c, bool parked) = 0;

    /// Drops what is queued and closes. No further call reaches the handler.
    virtual void close(connection& c) = 0;

    /// Sends what is queued, says end of stream and closes when the peer has ended too,
    /// so that unread input does not turn the end into a reset that overtakes the last
    /// words. Gives up after `linger_max`. No further call reaches the handler.
    virtual void close_when_sent(connection& c) = 0;
    static constexpr std::chrono::seconds linger_max{5};

    /// Lets the socket go, open, once what is queued is sent, to move it to another engine.
    /// `done` is called from a later turn (or at once) with the fd, which is then its
    /// own; bytes that arrived meanwhile come as `early`, and `ended` tells that the
    /// peer closed, or took nothing for `linger_max`. No further call reaches the
    /// handler. An engine that goes first closes the socket and calls nobody.
    struct detached {
        int fd;
        std::string early;
        bool ended;
    };
    virtual void detach(connection& c, std::function<void(detached)> done) = 0;

    /// Waits up to `timeout` for events (or less, if a signal comes), handles what there
    /// is, returns. The one system call of a turn that may block.
    virtual void turn(std::chrono::milliseconds timeout) = 0;

    /// Makes the current or the next `turn` return at once. From any thread. What was
    /// handed over before the call is to be looked for after that turn.
    virtual void wake() noexcept = 0;

    slab& memory() noexcept { return slab_; }

 protected:
    slab slab_;
};

enum class engine_kind { io_uring, epoll };

/// Errors: the system's, when the kernel has no io_uring, forbids it, or lacks
/// a feature that is needed.
boost::system::result<std::unique_ptr<engine>> make_engine(engine_kind kind);

/// Why io_uring cannot be used here, in words; empty when it can.
std::string why_not_io_uring();

}  // namespace pgballast::net
