#include "ctl.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <stdexcept>

#include "address.hpp"

namespace neonsim {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

constexpr std::string_view scheme = "http://";

std::string body_of(const std::vector<std::string>& arguments) {
    json::object members;
    for (const auto& argument : arguments) {
        const auto equals = argument.find('=');
        if (equals == argument.npos)
            throw std::runtime_error{"not name=value: " + argument};
        members[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
    return json::serialize(members);
}

}  // namespace

int run_ctl(const ctl_options& options) {
    if (!options.url.starts_with(scheme))
        throw std::runtime_error{"not http://HOST:PORT: " + options.url};
    auto authority = options.url.substr(scheme.size());
    authority.resize(std::min(authority.size(), authority.find('/')));
    asio::io_context io;
    asio::ip::tcp::socket server{io};
    server.connect(parse_address(authority));

    const auto method = options.verb == "stats" ? http::verb::get : http::verb::post;
    http::request<http::string_body> asked{method, "/" + options.verb, 11};
    asked.set(http::field::host, authority);
    if (!options.arguments.empty())
        asked.body() = body_of(options.arguments);
    asked.prepare_payload();
    http::write(server, asked);

    boost::beast::flat_buffer buffer;
    http::response<http::string_body> reply;
    http::read(server, buffer, reply);
    const bool done = reply.result() == http::status::ok;
    (done ? std::cout : std::cerr) << reply.body();
    return done ? 0 : 1;
}

}  // namespace neonsim
