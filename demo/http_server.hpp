// HTTP/1.1 for a small web application whose answers take their time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstddef>
#include <functional>

namespace signup_demo {

using request = boost::beast::http::request<boost::beast::http::string_body>;
using response = boost::beast::http::response<boost::beast::http::string_body>;
using handler = std::function<boost::asio::awaitable<response>(const request&)>;

struct http_limits {
    unsigned connections = 200;  // one more is closed at once
    std::size_t header_max = 8 * 1024;
    std::size_t body_max = 16 * 1024;
    std::chrono::milliseconds read_timeout = std::chrono::seconds{30};  // for a whole request
};

/// Answers what is accepted for as long as `context` exists. A body that is too large gets
/// 413, a header 431, what is no HTTP 400; each closes the connection.
void serve_http(boost::asio::ip::tcp::acceptor acceptor, handler answer,
                const http_limits& limits = {});

}  // namespace signup_demo
