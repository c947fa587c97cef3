// One connection of the control plane to a server: bytes out and in, under TLS once
// it is there, within a deadline.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "pgballast/net/tls.hpp"
#include "pgballast/net/tls_context.hpp"

namespace pgballast::proxy {

using stream_endpoint = boost::asio::generic::stream_protocol::endpoint;

class dialogue {
 public:
    using time_point = std::chrono::steady_clock::time_point;

    dialogue(boost::asio::any_io_executor executor, time_point deadline);
    ~dialogue();
    dialogue(const dialogue&) = delete;

    boost::asio::awaitable<boost::system::error_code> connect(stream_endpoint to);

    /// Sends `out`, encrypted where TLS is on.
    boost::asio::awaitable<boost::system::error_code> write(std::string out);

    /// Appends what comes next to `in`, decrypted; at least one byte unless it fails.
    boost::asio::awaitable<boost::system::error_code> read(std::string& in);

    /// Reads exactly one byte, in the clear.
    boost::asio::awaitable<boost::system::error_code> read_byte(char& byte);

    /// More has come already than the byte that was asked for.
    bool has_unread();

    boost::asio::awaitable<boost::system::error_code> start_tls(const net::tls_context& context,
                                                                std::string host);

    net::tls_filter* tls() noexcept { return tls_.get(); }
    const std::string& tls_failure() const noexcept { return tls_failure_; }

    /// Lets go of the socket, non-blocking, and of its TLS.
    int release(std::unique_ptr<net::tls_filter>& tls);

 private:
    boost::asio::awaitable<boost::system::error_code> write_raw(std::string out);
    boost::asio::awaitable<boost::system::error_code> read_raw(std::string& in);
    boost::system::error_code say(boost::system::error_code error) const;

    // Shared with the timer's handler, which may run after this object is gone.
    struct shared_socket {
        boost::asio::generic::stream_protocol::socket socket;
        bool timed_out = false;
    };
    std::shared_ptr<shared_socket> shared_;
    boost::asio::steady_timer timer_;
    std::unique_ptr<net::tls_filter> tls_;
    std::string tls_failure_;
};

}  // namespace pgballast::proxy
