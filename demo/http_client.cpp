#include "http_client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <optional>
#include <stdexcept>

#include "listen.hpp"

namespace signup_demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using boost::system::error_code;

std::string authority_of(const std::string& url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        return {};
    const auto rest = url.substr(scheme.size());
    return rest.substr(0, rest.find('/'));
}

json_answer read_answer(const http::response<http::string_body>& reply) {
    error_code error;
    const auto parsed = json::parse(reply.body(), error);
    if (error || !parsed.is_object())
        return no_answer{"no JSON object"};
    const auto& object = parsed.get_object();
    if (http::to_status_class(reply.result()) == http::status_class::successful)
        return object;
    const auto* words = object.if_contains("error");
    return no_answer{words != nullptr && words->is_string()
                         ? std::string{words->get_string()}
                         : std::string{http::obsolete_reason(reply.result())}};
}

}  // namespace

void check_url(const std::string& url) {
    if (!parse_address(authority_of(url)))
        throw std::runtime_error{"not http://ADDRESS:PORT: " + url};
}

asio::awaitable<json_answer> ask(std::string url, http::verb method, std::string target,
                                 std::string body, std::chrono::seconds timeout) {
    const auto authority = authority_of(url);
    const auto address = parse_address(authority);
    if (!address)
        co_return no_answer{"not http://ADDRESS:PORT: " + url};
    const auto executor = co_await asio::this_coro::executor;
    beast::tcp_stream stream{executor};
    stream.expires_after(timeout);
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await stream.async_connect(*address, token);
    if (error)
        co_return no_answer{url + ": " + error.message()};

    http::request<http::string_body> asked{method, target, 11};
    asked.set(http::field::host, authority);
    asked.keep_alive(false);
    asked.body() = std::move(body);
    asked.prepare_payload();
    co_await http::async_write(stream, asked, token);
    beast::flat_buffer buffer;
    http::response<http::string_body> reply;
    if (!error)
        co_await http::async_read(stream, buffer, reply, token);
    if (error)
        co_return no_answer{url + ": " + error.message()};
    co_return read_answer(reply);
}

}  // namespace signup_demo
