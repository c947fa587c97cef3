#include "listen.hpp"

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <iostream>
#include <stdexcept>

namespace signup_demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr unsigned short first_port = 8000;
constexpr unsigned short further_ports = 10;

}  // namespace

std::optional<tcp::endpoint> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    unsigned short port = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (wrong != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error)
        return std::nullopt;
    return tcp::endpoint{address, port};
}

tcp::acceptor listen_on(asio::io_context& context, const std::optional<std::string>& address) {
    if (address) {
        const auto where = parse_address(*address);
        if (!where || !where->address().is_loopback())
            throw std::runtime_error{"--listen " + *address +
                                     ": expected an address of this machine only and a port, as "
                                     "127.0.0.1:8000"};
        try {
            return {context, *where};
        } catch (const boost::system::system_error& error) {
            throw std::runtime_error{"--listen " + *address + ": " + error.code().message()};
        }
    }
    for (unsigned short port = first_port;; ++port) {
        try {
            tcp::acceptor made{context, {asio::ip::address_v4::loopback(), port}};
            if (port != first_port)
                std::cerr << "signup-demo: port " << first_port
                          << " is taken by another program; listening on " << port << " instead\n";
            return made;
        } catch (const boost::system::system_error& error) {
            if (error.code() != asio::error::address_in_use || port == first_port + further_ports)
                throw std::runtime_error{"127.0.0.1:" + std::to_string(port) + ": " +
                                         error.code().message() +
                                         "; choose another port with --listen 127.0.0.1:PORT"};
        }
    }
}

}  // namespace signup_demo
