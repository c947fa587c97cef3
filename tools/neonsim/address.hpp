// HOST:PORT, with numbers for both.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

namespace neonsim {

/// Reads "127.0.0.1:5432" or "[::1]:5432". Throws `std::runtime_error`.
boost::asio::ip::tcp::endpoint parse_address(std::string_view text);

}  // namespace neonsim
