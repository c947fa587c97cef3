#include "pgballast/admin/http_server.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "pgballast/proxy/log.hpp"

namespace pgballast::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using parser = http::request_parser<http::empty_body>;

/// Kept by the coroutines that use it: those that are left end with the context.
struct server {
    tcp::acceptor acceptor;
    std::function<response(const request&)> answer;
    http_limits limits;
    unsigned connections = 0;
};

/// A connection's place among `limits.connections`.
class place {
 public:
    explicit place(server& of) : of_{of} { ++of_.connections; }
    ~place() {
        assert(of_.connections > 0);
        --of_.connections;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

 private:
    server& of_;
};

/// The answer to what was read, or nothing where the peer has left or is too slow.
std::optional<response> respond(const server& with, const parser& read, error_code error) {
    if (!error) {
        if (!read.is_done())  // a body follows
            return refusal(http::status::payload_too_large);
        return with.answer(read.get());
    }
    if (error == http::error::header_limit)
        return refusal(http::status::request_header_fields_too_large);
    if (error == http::error::body_limit)
        return refusal(http::status::payload_too_large);
    const bool left = error == http::error::end_of_stream || error == http::error::partial_message;
    if (left || error.category() != make_error_code(http::error::bad_method).category())
        return std::nullopt;
    return refusal(http::status::bad_request);
}

/// Closing a socket with unread input resets it, and the peer may lose the last answer:
/// RFC 9112, 9.6. So what it still sends is read for a while, and dropped.
asio::awaitable<void> close_gently(beast::tcp_stream& stream) {
    constexpr std::size_t dropped_max = 1024 * 1024;
    error_code error;
    stream.socket().shutdown(tcp::socket::shutdown_send, error);
    std::array<char, 4096> octets;
    std::size_t dropped = 0;
    while (!error && dropped < dropped_max) {
        const auto buffer = asio::buffer(octets);
        auto token = asio::redirect_error(asio::use_awaitable, error);
        const auto size = co_await stream.async_read_some(buffer, token);
        dropped += size;
    }
}

asio::awaitable<void> converse(std::shared_ptr<server> with, tcp::socket socket) {
    const place taken{*with};
    beast::tcp_stream stream{std::move(socket)};
    beast::flat_buffer buffer{2 * with->limits.header_max};
    for (;;) {
        parser read;
        read.header_limit(static_cast<std::uint32_t>(with->limits.header_max));
        stream.expires_after(with->limits.read_timeout);
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await http::async_read_header(stream, buffer, read, token);
        const auto reply = respond(*with, read, error);
        if (!reply)
            co_return;

        stream.expires_after(with->limits.read_timeout);
        co_await http::async_write(stream, *reply, token);
        if (error)
            co_return;
        if (!reply->keep_alive())
            break;
    }
    co_await close_gently(stream);
}

asio::awaitable<void> accept_all(std::shared_ptr<server> with) {
    const auto executor = with->acceptor.get_executor();
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await with->acceptor.async_accept(token);
        if (error) {
            // Out of descriptors, or the like: the next try would fail as fast.
            log::error("admin accept failed", {{"cause", error.message()}});
            asio::steady_timer pause{executor, std::chrono::milliseconds{100}};
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        if (with->connections < with->limits.connections)
            asio::co_spawn(executor, converse(with, std::move(socket)), asio::detached);
    }
}

}  // namespace

tcp::endpoint serve_http(asio::io_context& context, const tcp::endpoint& where,
                         std::function<response(const request&)> answer,
                         const http_limits& limits) {
    auto with =
        std::make_shared<server>(server{tcp::acceptor{context, where}, std::move(answer), limits});
    const auto address = with->acceptor.local_endpoint();
    asio::co_spawn(context, accept_all(std::move(with)), asio::detached);
    return address;
}

}  // namespace pgballast::admin
