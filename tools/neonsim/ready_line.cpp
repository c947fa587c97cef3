#include "ready_line.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <sstream>

namespace neonsim {
namespace {

/// All but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    constexpr std::string_view unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    for (const char c : text) {
        if (unreserved.find(c) != unreserved.npos) {
            encoded.push_back(c);
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        encoded.append({'%', digits[octet >> 4], digits[octet & 15]});
    }
    return encoded;
}

std::string url_of(const boost::asio::ip::tcp::endpoint& where) {
    std::ostringstream url;
    url << "http://" << where;
    return url.str();
}

}  // namespace

std::string ready_line(const options& given, const cluster& where,
                       const boost::asio::ip::tcp::endpoint& clients,
                       const boost::asio::ip::tcp::endpoint& controls) {
    const auto address = clients.address().to_string();
    const auto who =
        "postgresql://" + percent_encode(given.user) + ":" + percent_encode(given.password) + "@";
    const auto what = ":" + std::to_string(clients.port()) + "/" + percent_encode(given.database) +
                      "?sslmode=require";
    const boost::json::object line{
        {"dsn", who + given.endpoint + ".neonsim.test" + what + "&hostaddr=" + address},
        {"direct_options_dsn",
         who + address + what + "&options=endpoint%3D" + percent_encode(given.endpoint)},
        {"port", clients.port()},
        {"http", url_of(controls)},
        {"root_cert", (where.directory / "root.crt").string()},
        {"pg_socket", where.socket_directory.string()},
        {"pg_port", socket_port},
        {"pid", ::getpid()}};
    return boost::json::serialize(line);
}

}  // namespace neonsim
