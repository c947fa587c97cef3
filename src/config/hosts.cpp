#include "hosts.hpp"

#include <algorithm>
#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <charconv>

namespace pgballast::config::detail {
namespace {

using list = std::vector<std::string>;

constexpr std::string_view default_host = "/var/run/postgresql";
constexpr std::uint16_t default_port = 5432;
constexpr std::size_t hosts_max = 64;

list split(std::string_view text) {
    list items;
    if (!text.empty())
        boost::algorithm::split(items, text, boost::algorithm::is_any_of(","));
    return items;
}

/// Empty where the whole list was not given.
std::string item(const list& items, std::size_t i) {
    return items.empty() ? "" : items[i];
}

std::optional<parse_error> check_host(std::string_view host) {
    if (host.starts_with('@'))
        return parse_error{"host: abstract Unix sockets ('@…') are not supported"};
    if (host.find('@') != host.npos && !host.starts_with('/'))
        return parse_error{"host: found an '@' (in a user name or password it is written %40)"};
    return {};
}

std::optional<parse_error> check_address(std::string_view address) {
    constexpr std::string_view alphabet = "0123456789abcdefABCDEF.:";
    const auto zone = std::min(address.find('%'), address.size());  // fe80::1%eth0
    const auto digits = address.substr(0, zone);
    if (digits.find_first_not_of(alphabet) != digits.npos ||
        (!digits.empty() && digits.find_first_of(".:") == digits.npos))
        return parse_error{"hostaddr: expected IP addresses (names go into host)"};
    return {};
}

boost::system::result<std::uint16_t, parse_error> parse_port(std::string_view text) {
    if (text.empty())
        return default_port;
    const auto port = parse_libpq_integer(text);
    if (!port || *port < 1 || *port > 65535)
        return parse_error{
            "port: expected numbers from 1 to 65535 (a '/' in a password is written %2F)"};
    return static_cast<std::uint16_t>(*port);
}

boost::system::result<endpoint, parse_error> make_endpoint(std::string host, std::string address,
                                                           std::string_view port) {
    if (auto error = check_host(host))
        return *error;
    if (auto error = check_address(address))
        return *error;
    const auto number = parse_port(port);
    if (!number)
        return number.error();

    // An address alone is what to verify, and beside one a socket directory means nothing.
    if (!address.empty() && (host.empty() || host.starts_with('/')))
        host = address;
    else if (host.empty())
        host = default_host;
    return endpoint{std::move(host), *number, std::move(address)};
}

parse_error count_mismatch(std::string_view what, std::size_t found, std::size_t hosts) {
    return {std::string{what} + ": found " + std::to_string(found) + " for " +
            std::to_string(hosts) + (hosts == 1 ? " host" : " hosts")};
}

}  // namespace

std::optional<int> parse_libpq_integer(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    const auto begin = std::min(text.find_first_not_of(blanks), text.size());
    const auto end = text.find_last_not_of(blanks) + 1;
    text = begin < end ? text.substr(begin, end - begin) : std::string_view{};
    if (text.starts_with('+') && !text.starts_with("+-"))
        text.remove_prefix(1);

    int value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size())
        return {};
    return value;
}

boost::system::result<std::vector<endpoint>, parse_error> combine_hosts(std::string_view host,
                                                                        std::string_view hostaddr,
                                                                        std::string_view port) {
    const auto names = split(host);
    const auto addresses = split(hostaddr);
    const auto ports = split(port);

    const auto count =
        std::max<std::size_t>(1, addresses.empty() ? names.size() : addresses.size());
    if (count > hosts_max)
        return parse_error{"host: at most " + std::to_string(hosts_max) + " are accepted"};
    if (!names.empty() && names.size() != count)
        return count_mismatch("hostaddr", count, names.size());
    if (ports.size() > 1 && ports.size() != count)
        return count_mismatch("port", ports.size(), count);

    std::vector<endpoint> out;
    for (std::size_t i = 0; i < count; ++i) {
        auto place = make_endpoint(item(names, i), item(addresses, i),
                                   item(ports, ports.size() == 1 ? 0 : i));
        if (!place)
            return place.error();
        out.push_back(std::move(*place));
    }
    return out;
}

}  // namespace pgballast::config::detail
