#include "http_server.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "control.hpp"

namespace neonsim {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;
using request = http::request<http::string_body>;
using response = http::response<http::string_body>;

constexpr std::size_t body_max = 64 * 1024;

response make_response(const request& to, http::status status, const json::object& what) {
    response made{status, to.version()};
    made.set(http::field::content_type, "application/json");
    made.keep_alive(to.keep_alive());
    made.body() = json::serialize(what) + "\n";
    made.prepare_payload();
    return made;
}

/// Only a GET may have no effect, and nothing else may be a GET: a link followed by
/// accident suspends nothing.
void check_method(const request& asked, const std::string& verb) {
    const auto needed = verb == "stats" ? http::verb::get : http::verb::post;
    if (asked.method() != needed)
        throw bad_request{verb + " is asked for with " + std::string{http::to_string(needed)}};
}

task<response> answer(const request& asked, world& on) {
    std::string failed;
    try {
        const std::string_view target{asked.target().data(), asked.target().size()};
        const auto mark = target.find('?');
        const std::string verb{target.substr(0, mark).substr(target.starts_with('/') ? 1 : 0)};
        check_method(asked, verb);
        parameters how{mark == target.npos ? std::string_view{} : target.substr(mark + 1),
                       asked.body()};
        const auto done = co_await carry_out(on, verb, std::move(how));
        co_return make_response(asked, http::status::ok, done);
    } catch (const bad_request& error) {
        failed = error.what();
    }
    const json::object why{{"error", failed}};
    co_return make_response(asked, http::status::bad_request, why);
}

}  // namespace

task<void> serve_control(asio::ip::tcp::socket client, world& on) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code gone;
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.body_limit(body_max);
        co_await http::async_read(client, buffer, parser,
                                  asio::redirect_error(asio::use_awaitable, gone));
        if (gone)
            co_return;
        const auto reply = co_await answer(parser.get(), on);
        co_await http::async_write(client, reply, asio::redirect_error(asio::use_awaitable, gone));
        if (gone || !reply.keep_alive())
            co_return;
    }
}

}  // namespace neonsim
