// Both ways of a client that has been let in, and its end.
#include <boost/asio/write.hpp>

#include "messages_io.hpp"
#include "session.hpp"
#include "spawn.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t chunk_size = 16 * 1024;

// A client that was sent a FIN has this long to close, too, before it gets an RST.
constexpr auto parting_patience = 1s;

}  // namespace

task<void> session::relay() {
    start_task(socket().get_executor(), client_to_server(shared_from_this()));
    co_await server_to_client();
}

/// Ends a client that was not let in.
task<void> session::part() {
    boost::system::error_code closed;
    server_.close(closed);
    start_task(socket().get_executor(), client_to_server(shared_from_this()));
    co_await end_client(true);
}

task<void> session::client_to_server(std::shared_ptr<session>) {
    std::string chunk(chunk_size, '\0');
    const auto room = asio::buffer(chunk);
    boost::system::error_code client_gone, server_gone;
    for (;;) {
        const auto size = co_await client_.async_read_some(
            room, asio::redirect_error(asio::use_awaitable, client_gone));
        if (world_.way.impeded())
            co_await world_.way.cross_once();
        if (client_gone)
            break;
        // With the server gone the rest is read and dropped: the client may be waiting for
        // an answer that never comes, or have yet to see that we have closed.
        const auto octets = asio::buffer(chunk, size);
        if (server_.is_open())
            co_await asio::async_write(server_, octets,
                                       asio::redirect_error(asio::use_awaitable, server_gone));
    }
    deadline_.cancel();
    drop_client();
    boost::system::error_code closed;
    server_.close(closed);
}

task<void> session::server_to_client() {
    std::string chunk(chunk_size, '\0');
    const auto room = asio::buffer(chunk);
    boost::system::error_code server_gone, client_gone;
    for (;;) {
        const auto size = co_await server_.async_read_some(
            room, asio::redirect_error(asio::use_awaitable, server_gone));
        if (world_.way.impeded())
            co_await world_.way.cross_once();
        if (server_gone)
            break;
        const auto octets = asio::buffer(chunk, size);
        co_await asio::async_write(client_, octets,
                                   asio::redirect_error(asio::use_awaitable, client_gone));
        if (client_gone)
            break;
    }
    boost::system::error_code closed;
    server_.close(closed);
    if (ending_ == ending::none || ending_ == ending::finish) {
        const bool orderly = ending_ == ending::none && server_gone == asio::error::eof;
        co_await end_client(orderly);
    }
}

/// Sends what ends the connection and leaves the client a moment to close its side, as
/// closing a socket with unread bytes in it would send RST.
task<void> session::end_client(bool say_close_notify) {
    boost::system::error_code gone;
    if (!socket().is_open())
        co_return;
    if (say_close_notify) {
        // On a non-blocking socket: says close_notify and does not wait for the peer's.
        socket().non_blocking(true, gone);
        client_.shutdown(gone);
    }
    socket().shutdown(tcp_socket::shutdown_send, gone);
    deadline_.expires_after(parting_patience);
    co_await deadline_.async_wait(asio::redirect_error(asio::use_awaitable, gone));
    drop_client();
}

}  // namespace neonsim
