// One connection of the control plane, to a server or of a client: bytes out and in, under TLS once
// it is there, within a deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "pgballast/net/tls.hpp"

namespace pgballast::proxy {

/// Past the deadline whatever is pending, and whatever is tried, ends with
/// `errc::timed_out`. The socket is closed with the object.
class dialogue {
 public:
    using endpoint = boost::asio::generic::stream_protocol::endpoint;
    using time_point = std::chrono::steady_clock::time_point;

    using stream_socket = boost::asio::generic::stream_protocol::socket;

    dialogue(const boost::asio::any_io_executor& executor, time_point deadline);
    dialogue(stream_socket accepted, time_point deadline);  // connected already
    ~dialogue();
    dialogue(const dialogue&) = delete;
    dialogue& operator=(const dialogue&) = delete;

    /// From here on until `deadline`.
    void put_off(time_point deadline);

    /// Connects, by `until` if that is earlier than the deadline.
    boost::asio::awaitable<boost::system::error_code> connect(const endpoint& to, time_point until);

    /// Sends all of `out`, encrypted where TLS is on.
    boost::asio::awaitable<boost::system::error_code> write(const std::string& out);

    /// Appends what comes next to `in`, decrypted; at least one byte unless it fails.
    /// The peer's end is `asio::error::eof`.
    boost::asio::awaitable<boost::system::error_code> read(std::string& in);

    /// Shakes hands; `received` are bytes of that which have been read already. Fails as
    /// `tls_filter::handshake` does, or with the socket's error.
    boost::asio::awaitable<boost::system::error_code> start_tls(
        std::unique_ptr<net::tls_filter> filter, std::string received = {});

    /// The connection's TLS, or null. After a handshake that failed, it knows why.
    const net::tls_filter* tls() const noexcept { return tls_.get(); }

    /// Lets go of the socket, non-blocking.
    int release_socket();
    std::unique_ptr<net::tls_filter> release_tls() noexcept { return std::move(tls_); }

 private:
    struct timed_socket;

    boost::asio::awaitable<boost::system::error_code> write_raw(const std::string& out);
    boost::asio::awaitable<boost::system::error_code> read_raw(std::string& in);
    boost::system::error_code decrypt(const std::string& in, std::string& plain,
                                      std::string& answer);
    void watch(time_point until);
    boost::system::error_code told(boost::system::error_code error) const;

    time_point deadline_;
    std::shared_ptr<timed_socket> shared_;
    std::unique_ptr<net::tls_filter> tls_;
    std::string unread_;  // plain bytes that came behind the handshake
};

}  // namespace pgballast::proxy
