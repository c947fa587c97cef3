#include "http_server.hpp"

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
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

namespace signup_demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

/// Kept by the coroutines that use it.
struct server {
    tcp::acceptor acceptor;
    handler answer;
    http_limits limits;
    unsigned connections = 0;
};

/// A connection's place among `limits.connections`.
class place {
 public:
    explicit place(server& of) : of_{of} { ++of_.connections; }
    ~place() { --of_.connections; }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

 private:
    server& of_;
};

/// The refusal of what could not be read; nothing where the peer left or was too slow.
std::optional<response> refusal(error_code error) {
    auto status = http::status::bad_request;
    if (error == http::error::body_limit)
        status = http::status::payload_too_large;
    else if (error == http::error::header_limit)
        status = http::status::request_header_fields_too_large;
    else if (error == http::error::end_of_stream || error == http::error::partial_message ||
             error.category() != make_error_code(http::error::bad_method).category())
        return std::nullopt;
    response made{status, 11};
    made.set(http::field::content_type, "text/plain; charset=utf-8");
    made.body() = std::string{http::obsolete_reason(status)} + "\n";
    made.keep_alive(false);
    made.prepare_payload();
    return made;
}

asio::awaitable<response> answer_safely(const server& with, const request& asked) {
    std::string failed;
    try {
        auto answer = co_await with.answer(asked);
        co_return answer;
    } catch (const std::exception& error) {
        failed = error.what();
    }
    std::cerr << "signup-demo: " << asked.target() << ": " << failed << '\n';
    response made{http::status::internal_server_error, asked.version()};
    made.set(http::field::content_type, "text/plain; charset=utf-8");
    made.body() = "Internal Server Error\n";
    made.prepare_payload();
    co_return made;
}

asio::awaitable<void> converse(std::shared_ptr<server> with, tcp::socket socket) {
    const place taken{*with};
    beast::tcp_stream stream{std::move(socket)};
    beast::flat_buffer buffer{with->limits.header_max + with->limits.body_max};
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(with->limits.header_max));
        parser.body_limit(with->limits.body_max);
        stream.expires_after(with->limits.read_timeout);
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await http::async_read(stream, buffer, parser, token);

        response reply;
        if (error) {
            auto refused = refusal(error);
            if (!refused)
                co_return;
            reply = std::move(*refused);
        } else {
            stream.expires_never();  // a database may take its time
            const auto& asked = parser.get();
            reply = co_await answer_safely(*with, asked);
            reply.keep_alive(asked.keep_alive());
        }
        stream.expires_after(with->limits.read_timeout);
        co_await http::async_write(stream, reply, token);
        if (error || !reply.keep_alive())
            co_return;
    }
}

asio::awaitable<void> accept_all(std::shared_ptr<server> with) {
    const auto executor = with->acceptor.get_executor();
    for (;;) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await with->acceptor.async_accept(token);
        if (error) {
            // Out of descriptors, or the like: the next try would fail as fast.
            asio::steady_timer pause{executor, std::chrono::milliseconds{100}};
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        if (with->connections < with->limits.connections)
            asio::co_spawn(executor, converse(with, std::move(socket)), asio::detached);
    }
}

}  // namespace

void serve_http(tcp::acceptor acceptor, handler answer, const http_limits& limits) {
    const auto executor = acceptor.get_executor();
    auto with = std::make_shared<server>(server{std::move(acceptor), std::move(answer), limits});
    asio::co_spawn(executor, accept_all(std::move(with)), asio::detached);
}

}  // namespace signup_demo
