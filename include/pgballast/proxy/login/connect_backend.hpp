// Opens a connection to the upstream and logs in.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "pgballast/net/tls.hpp"
#include "pgballast/net/tls_context.hpp"
#include "pgballast/pool/failure.hpp"
#include "pgballast/proxy/login/backend_login.hpp"

namespace pgballast::proxy {

/// A backend that has logged in. Owns its socket, non-blocking and known to no
/// io_context, until somebody takes `fd`.
struct logged_in {
    int fd = -1;
    std::unique_ptr<net::tls_filter> tls;
    parameter_list parameters;
    wire::backend_key key;
    std::string early;                                // came behind ReadyForQuery
    boost::asio::generic::stream_protocol::endpoint remote;  // where cancel requests go
    std::string host;                                 // as configured, for their TLS
    std::chrono::milliseconds took{};

    logged_in() = default;
    logged_in(logged_in&& other) noexcept;
    logged_in& operator=(logged_in&& other) noexcept;
    ~logged_in();
};

using connect_result = std::variant<logged_in, pool::failure>;

/// Tries the hosts of `upstream` in turn, and every address of each, resolved anew,
/// until one lets us in or `timeout` is over. Errors of all but the last are forgotten,
/// but a server's refusal of the login ends it at once. The arguments must outlive it.
boost::asio::awaitable<connect_result> connect_backend(const config::dsn& upstream,
                                                       const net::tls_context& tls, bool neon,
                                                       std::chrono::milliseconds timeout);

/// Asks the server process behind a backend to cancel what it runs; completes when the
/// server has closed the connection, or after 5 s. Nobody is told how it went: neither
/// does the protocol.
boost::asio::awaitable<void> send_cancel(const config::dsn& upstream, const net::tls_context& tls,
                                         boost::asio::generic::stream_protocol::endpoint remote,
                                         std::string host, wire::backend_key key);

}  // namespace pgballast::proxy
