#include "address.hpp"

#include <charconv>
#include <stdexcept>

namespace neonsim {

boost::asio::ip::tcp::endpoint parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);

    const auto digits = colon == text.npos ? std::string_view{} : text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, bad_port] =
        std::from_chars(digits.data(), digits.data() + digits.size(), port);
    boost::system::error_code bad_host;
    const auto address = boost::asio::ip::make_address(std::string{host}, bad_host);
    if (bad_host || bad_port != std::errc{} || end != digits.data() + digits.size())
        throw std::runtime_error{"not an address and a port: " + std::string{text}};
    return {address, port};
}

}  // namespace neonsim
