// A connection to the upstream, on the worker that owns it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "pgballast/proxy/link.hpp"
#include "pgballast/proxy/login/connect_backend.hpp"
#include "pgballast/session/backend_state.hpp"

namespace pgballast::proxy {

class client;
class worker;
struct local_pool;

/// What a backend is without its socket's engine: this is what moves between threads.
struct backend_parts {
    logged_in login;  // owns the socket and its TLS
    session::backend_state state;
    std::chrono::steady_clock::time_point opened_at;
    std::uint64_t number;  // of its own, for its lifetime's jitter and the log
};

/// Either idle (in its pool's list), lent to a client, resting while that client thinks, on
/// an errand of our own, or held back after a cancel. It is always in exactly one list of its
/// pool.
class backend final : public net::handler, public boost::intrusive::list_base_hook<> {
 public:
    using clock = std::chrono::steady_clock;

    backend(worker& home, local_pool& pool, backend_parts parts);

    enum class place { idle, lent, resting, errand, held };

    local_pool& pool() noexcept { return pool_; }
    session::backend_state& state() noexcept { return parts_.state; }

    /// Where and how a cancel request for it goes.
    const logged_in& login() const noexcept { return parts_.login; }
    std::uint64_t number() const noexcept { return parts_.number; }
    clock::time_point opened_at() const noexcept { return parts_.opened_at; }

    /// What came behind the login, to be taken once.
    std::string& early() noexcept { return parts_.login.early; }

    /// Everything but the socket, which `link::detach` lets go.
    backend_parts take_parts() { return std::move(parts_); }

    /// Whoever it is lent to; null otherwise.
    client* user() const noexcept { return user_; }
    void lend_to(client& one) noexcept { user_ = &one; }
    void take_back() noexcept { user_ = nullptr; }

    link& socket() noexcept { return socket_; }

    /// Runs a query of our own and swallows its replies; `done(ok)` is told on this
    /// worker's thread. `ok`: no error, and no transaction left open.
    void run_errand(std::string_view text, std::function<void(bool ok)> done);

    // net::handler
    void on_data(net::slice raw) override;
    void on_end(boost::system::error_code error) override;
    void on_drained() override;

    /// Bytes that nobody has asked for, between two users.
    void on_unasked(net::bytes in);

    // Owned by the worker's bookkeeping.
    place where = place::idle;
    clock::time_point since;    // in its present place
    bool takeable = false;      // resting, and counted as such by its pool
    bool pinned = false;        // resting, and kept
    unsigned cancels_sent = 0;  // requests that may still be on their way to it

 private:
    worker& home_;
    local_pool& pool_;
    backend_parts parts_;  // its socket and TLS have gone into `socket_`
    link socket_;
    client* user_ = nullptr;
    std::function<void(bool)> errand_done_;
    bool errand_failed_ = false;
};

using backend_list = boost::intrusive::list<backend>;

}  // namespace pgballast::proxy
