// Opens connections to the upstream: to log in, and to cancel.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "pgballast/net/tls.hpp"
#include "pgballast/net/tls_context.hpp"
#include "pgballast/pool/classify.hpp"
#include "pgballast/pool/failure.hpp"
#include "pgballast/proxy/login/backend_login.hpp"

namespace pgballast::proxy {

using stream_endpoint = boost::asio::generic::stream_protocol::endpoint;

/// How long each step of a login took; of connections that failed before, nothing.
struct login_times {
    std::chrono::microseconds resolve{};
    std::chrono::microseconds connect{};
    std::chrono::microseconds tls{};    // with SSLRequest
    std::chrono::microseconds login{};  // with the wake of the compute, where it slept
};

/// A backend that has logged in. Owns its socket, non-blocking and known to no
/// io_context, until somebody takes `fd`.
struct logged_in {
    int fd = -1;
    std::unique_ptr<net::tls_filter> tls;  // null: the connection is not encrypted
    parameter_list parameters;
    wire::backend_key key;
    std::string early;        // as in `backend_session`
    stream_endpoint remote;   // where cancel requests go
    std::string host;         // as configured, for their TLS
    std::string_view method;  // how the password was shown: see `backend_login`
    login_times times;
    std::chrono::milliseconds took{};  // all told, with what failed before

    logged_in() = default;
    logged_in(logged_in&& other) noexcept;
    logged_in& operator=(logged_in&& other) noexcept;
    ~logged_in();
};

using connect_result = std::variant<logged_in, pool::failure>;

/// A step that went well, told to whoever wants to watch. With several addresses a step
/// may come several times.
struct connect_step {
    pool::step which;
    std::chrono::microseconds took;
    std::string what;  // addresses, TLS's version and whom it has verified, … for people
};
using connect_observer = std::function<void(const connect_step&)>;

/// Errors of a login read as Neon's: it flattens them (see `pool::classify`), and so does
/// its simulator.
bool speaks_as_neon(const config::dsn& upstream);

/// Tries the hosts of `upstream` in turn, and every address of each, resolved anew,
/// until one lets us in or `timeout` is over. A permanent failure ends it at once, for
/// it would be the same everywhere; else the last failure is told.
///
/// The arguments must outlive it. To be run on an executor that runs one thing at a
/// time. When it is cancelled or destroyed, its socket is closed.
boost::asio::awaitable<connect_result> connect_backend(const config::dsn& upstream,
                                                       const net::tls_context& tls, bool neon,
                                                       std::chrono::milliseconds timeout,
                                                       connect_observer observe = {});

/// Asks the server process behind a backend to cancel what it runs; completes when the
/// server has closed the connection, or after 5 s. Nobody is told how it went: neither
/// does the protocol.
///
/// `remote`, `host` and `key` as in `logged_in`; `upstream` and `tls` must outlive it.
boost::asio::awaitable<void> send_cancel(const config::dsn& upstream, const net::tls_context& tls,
                                         stream_endpoint remote, std::string host,
                                         wire::backend_key key);

}  // namespace pgballast::proxy
