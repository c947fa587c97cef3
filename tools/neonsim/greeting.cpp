// What comes before the startup packet: a cancel request, or the way to TLS.
#include <boost/asio/write.hpp>

#include "messages_io.hpp"
#include "session.hpp"
#include "spawn.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

constexpr char tls_handshake_record = 0x16;  // RFC 8446, 5.1

constexpr std::string_view insecure = "connection is insecure (try using `sslmode=require`)";

/// Delivers a cancel request to PostgreSQL. Nobody waits for it: that the connection
/// of a cancel request has closed says nothing of whether it was delivered.
task<void> deliver(std::string socket_path, std::string packet, std::chrono::milliseconds delay) {
    co_await sleep_for(delay);
    const auto executor = co_await asio::this_coro::executor;
    asio::local::stream_protocol::socket server{executor};
    const asio::local::stream_protocol::endpoint where{socket_path};
    boost::system::error_code gone;
    co_await server.async_connect(where, asio::redirect_error(asio::use_awaitable, gone));
    const auto octets = asio::buffer(packet);
    co_await asio::async_write(server, octets, asio::redirect_error(asio::use_awaitable, gone));
    char end;
    co_await read_exactly(server, &end, 1);
}

}  // namespace

/// True once the client is on TLS.
task<bool> session::greet() {
    constexpr int requests_max = 3;  // GSSENCRequest, SSLRequest, and what they lead to
    for (int request = 0; request < requests_max; ++request) {
        boost::system::error_code error;
        char first = 0;
        const auto room = asio::buffer(&first, 1);
        co_await socket().async_receive(room, tcp_socket::message_peek,
                                        asio::redirect_error(asio::use_awaitable, error));
        if (error)
            co_return false;
        if (first == tls_handshake_record)
            co_return co_await shake_hands();

        const auto packet = co_await read_startup(socket());
        if (!packet)
            co_return false;
        if (std::holds_alternative<wire::startup_message>(*packet)) {
            co_await refuse_plain();
            co_return false;
        }
        if (const auto* cancel = std::get_if<wire::cancel_request>(&*packet)) {
            co_await forward_cancel(*cancel);
            co_return false;
        }
        const char yes_or_no = std::holds_alternative<wire::ssl_request>(*packet) ? 'S' : 'N';
        const auto reply = asio::buffer(&yes_or_no, 1);
        co_await world_.way.cross_twice();
        co_await asio::async_write(socket(), reply,
                                   asio::redirect_error(asio::use_awaitable, error));
        if (error)
            co_return false;
        if (yes_or_no == 'S')
            co_return co_await shake_hands();
    }
    co_return false;
}

task<bool> session::shake_hands() {
    boost::system::error_code error;
    co_await world_.way.cross_twice();
    co_await client_.async_handshake(asio::ssl::stream_base::server,
                                     asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
}

task<void> session::refuse_plain() {
    boost::system::error_code gone;
    std::string reply;
    append_refusal(reply, insecure);
    const auto octets = asio::buffer(reply);
    ++world_.counted.refusals;
    co_await world_.way.cross_twice();
    co_await asio::async_write(socket(), octets, asio::redirect_error(asio::use_awaitable, gone));
}

/// The client's connection is closed first, by our caller.
task<void> session::forward_cancel(wire::cancel_request request) {
    co_await world_.way.cross_twice();
    ++world_.counted.cancels;
    const auto backend = world_.keys.find(request.pid, request.key);
    if (!backend)
        co_return;
    auto packet = wire::encode_cancel_request({backend->pid, backend->key});
    start_task(socket().get_executor(), deliver(world_.data.socket().string(), std::move(packet),
                                                world_.current.cancel_delay));
}

}  // namespace neonsim
