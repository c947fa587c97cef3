#include "pgballast/admin/loopback.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/core/string.hpp>

namespace pgballast::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

config::config_error wrong(const config::endpoint& listen, const std::string& why) {
    const auto host =
        listen.host.find(':') == std::string::npos ? listen.host : "[" + listen.host + "]";
    return {"", 0, "admin.listen", host + ":" + std::to_string(listen.port) + ": " + why};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The host of `host[:port]`, without the brackets of an IPv6 address; empty if there
/// is none. RFC 3986, 3.2.2.
std::string_view host_of(std::string_view authority) {
    const bool brackets = authority.starts_with('[');
    const auto end =
        brackets ? authority.find(']') : std::min(authority.find(':'), authority.size());
    if (end == authority.npos)
        return {};
    auto port = authority.substr(end + (brackets ? 1 : 0));
    if (!port.empty() && (port.front() != ':' || !std::ranges::all_of(port.substr(1), is_digit)))
        return {};
    return brackets ? authority.substr(1, end - 1) : authority.substr(0, end);
}

}  // namespace

boost::system::result<tcp::endpoint, config::config_error> loopback_endpoint(
    const config::endpoint& listen) {
    asio::io_context context;
    tcp::resolver resolver{context};
    boost::system::error_code error;
    const auto found =
        resolver.resolve(listen.host, std::to_string(listen.port), tcp::resolver::passive, error);
    if (error)
        return wrong(listen, error.message());
    const auto endpoint = found.begin()->endpoint();
    if (!endpoint.address().is_loopback())
        return wrong(listen,
                     "others could reach it, and it asks for no password: expected an address of "
                     "this machine only, as 127.0.0.1:9632, or off");
    return endpoint;
}

bool is_loopback_host(std::string_view host_field, std::string_view listen_host) {
    const auto host = host_of(host_field);
    if (host.empty())
        return false;
    boost::system::error_code not_an_address;
    const auto address = asio::ip::make_address(host, not_an_address);
    if (!not_an_address)
        return address.is_loopback();
    return boost::beast::iequals(host, "localhost") || boost::beast::iequals(host, listen_host);
}

}  // namespace pgballast::admin
