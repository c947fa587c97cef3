// Where to listen.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace signup_demo {

/// Reads `ADDRESS:PORT`, an IPv6 address in brackets.
std::optional<boost::asio::ip::tcp::endpoint> parse_address(std::string_view text);

/// Listens on `address`, which must be of this machine only. Without one, on port 8000 of
/// 127.0.0.1, or where that is taken on one of the next ten.
/// Throws `std::runtime_error` in words for people.
boost::asio::ip::tcp::acceptor listen_on(boost::asio::io_context& context,
                                         const std::optional<std::string>& address);

}  // namespace signup_demo
