// Where clients come in: sockets that listen, and the login of each connection.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>
#include <vector>

#include "pgballast/proxy/proxy.hpp"

namespace pgballast::proxy {

using client_socket = boost::asio::generic::stream_protocol::socket;

class proxy::listeners {
 public:
    /// Listens on all configured addresses. Throws `std::runtime_error` where one cannot be had.
    explicit listeners(proxy& home);
    ~listeners() { close(); }

    void close();

 private:
    void listen_tcp(const config::endpoint& where);
    void listen_unix(const config::endpoint& where);
    boost::asio::awaitable<void> accept_tcp(boost::asio::ip::tcp::acceptor& from);
    boost::asio::awaitable<void> accept_unix(boost::asio::local::stream_protocol::acceptor& from);

    proxy& home_;
    std::vector<std::unique_ptr<boost::asio::ip::tcp::acceptor>> tcp_;
    std::vector<std::unique_ptr<boost::asio::local::stream_protocol::acceptor>> unix_;
    std::vector<std::string> paths_;
};

/// Lets one client in, from its first byte to the worker that serves it.
/// `local`: over a Unix socket, where TLS is never asked for.
boost::asio::awaitable<void> let_in(proxy& home, client_socket socket, std::string address,
                                    bool local);

}  // namespace pgballast::proxy
