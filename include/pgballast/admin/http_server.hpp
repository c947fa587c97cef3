// HTTP/1.1 for small answers to requests without a body.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <functional>

#include "pgballast/admin/answer.hpp"

namespace pgballast::admin {

struct http_limits {
    unsigned connections = 100;         // one more is closed at once
    std::size_t header_max = 8 * 1024;  // of one request, in bytes
    std::chrono::milliseconds read_timeout = std::chrono::seconds{10};  // for a whole request
};

/// Answers requests on `where` for as long as `context` exists, on whatever runs it; so
/// long `answer` must be callable. Returns the address, whose port may have been 0.
///
/// Answered here: a header that is too large (431), a body (413), what is no HTTP (400).
/// Throws `boost::system::system_error` where the address cannot be listened on.
boost::asio::ip::tcp::endpoint serve_http(boost::asio::io_context& context,
                                          const boost::asio::ip::tcp::endpoint& where,
                                          std::function<response(const request&)> answer,
                                          const http_limits& limits = {});

}  // namespace pgballast::admin
