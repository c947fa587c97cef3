// A server that plays a script on loopback, in a thread of its own with blocking calls,
// so that each script reads from top to bottom.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../net/tls_fixture.hpp"
#include "pgballast/wire/frame.hpp"

namespace pgballast::tests {

/// One connection, on the server's side. Throws when the client goes away.
class peer {
 public:
    explicit peer(int fd) : fd_{fd} {}
    ~peer() { ::close(fd_); }
    peer(const peer&) = delete;

    void send(net::bytes data) {
        if (!tls_)
            return send_raw(data);
        (void)tls_->encrypt(data, [&](net::bytes part) { send_raw(part); });
    }

    std::string read(std::size_t size) {
        while (plain_.size() < size)
            if (!receive())
                throw std::runtime_error{"the client is gone"};
        auto taken = plain_.substr(0, size);
        plain_.erase(0, size);
        return taken;
    }

    /// A startup packet: a length word that counts itself, and so many bytes.
    std::string read_packet() {
        const auto length = read(4);
        return length + read(size_of(length) - 4);
    }

    std::string read_message() {
        const auto header = read(wire::header_size);
        const auto body = wire::decode_frame_header(header).value()->body_size;
        return header + (body ? read(body) : "");
    }

    /// Waits until the client closes; what it said before.
    std::string read_to_end() {
        std::string all = std::exchange(plain_, {});
        while (receive())
            all += std::exchange(plain_, {});
        return all;
    }

    /// Answers an SSLRequest and shakes hands; false when the client will not.
    bool accept_tls(SSL_CTX* context) {
        read_packet();
        send("S");
        return start_tls(context);
    }

    bool start_tls(SSL_CTX* context) {
        auto filter =
            net::tls_filter::make(context, {.side = net::tls_filter::role::server}).value();
        char buffer[4096];
        for (;;) {
            const auto size = ::recv(fd_, buffer, sizeof buffer, 0);
            if (size <= 0)
                return false;
            const auto result = filter->handshake({buffer, static_cast<std::size_t>(size)},
                                                  [&](net::bytes part) { send_raw(part); });
            if (!result)
                return false;
            if (*result == net::tls_filter::progress::done)
                break;
        }
        tls_ = std::move(filter);
        decrypt({});
        return true;
    }

    net::tls_filter& tls() { return *tls_; }

 private:
    static std::size_t size_of(const std::string& word) {
        return boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(word.data()));
    }

    void send_raw(net::bytes data) {
        if (::send(fd_, data.data(), data.size(), MSG_NOSIGNAL) < 0)
            throw std::runtime_error{"the client is gone"};
    }

    bool receive() {
        char buffer[4096];
        const auto size = ::recv(fd_, buffer, sizeof buffer, 0);
        if (size <= 0)
            return false;
        const net::bytes data{buffer, static_cast<std::size_t>(size)};
        if (!tls_) {
            plain_.append(data);
            return true;
        }
        return decrypt(data);
    }

    bool decrypt(net::bytes data) {
        const auto error = tls_->decrypt(
            data, [&](net::bytes part) { plain_.append(part); },
            [&](net::bytes part) { send_raw(part); });
        return !error && !tls_->closed();
    }

    int fd_;
    std::string plain_;
    std::unique_ptr<net::tls_filter> tls_;
};

/// Plays one script per connection, in order, then listens no more.
class scripted_server {
 public:
    using script = std::function<void(peer&)>;

    explicit scripted_server(std::vector<script> scripts)
        : scripted_server{tcp_listener(), std::move(scripts)} {}

    static std::unique_ptr<scripted_server> on_unix_socket(const std::string& path,
                                                           std::vector<script> scripts) {
        return std::unique_ptr<scripted_server>{
            new scripted_server{unix_listener(path), std::move(scripts)}};
    }

    ~scripted_server() {
        ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
        if (thread_.joinable())
            thread_.join();
        ::close(listener_);
    }
    scripted_server(const scripted_server&) = delete;

    std::uint16_t port() const { return port_of(listener_); }

    /// How many connections were served, when all of them are over.
    int join() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        return served_;
    }

    /// Waits for the last script.
    void finish() { thread_.join(); }

    static std::uint16_t port_of(int fd) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
        return ntohs(address.sin_port);
    }

    /// A port where nobody listens, for as long as the descriptor is open.
    static int reserve_port() {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error{"bind"};
        return fd;
    }

 private:
    scripted_server(int listener, std::vector<script> scripts) : listener_{listener} {
        thread_ = std::thread{[this, scripts = std::move(scripts)] { play(scripts); }};
    }

    static int tcp_listener() {
        const int fd = reserve_port();
        ::listen(fd, 16);
        return fd;
    }

    static int unix_listener(const std::string& path) {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error{"bind"};
        ::listen(fd, 16);
        return fd;
    }

    void play(const std::vector<script>& scripts) {
        for (const auto& one : scripts) {
            const int fd = ::accept(listener_, nullptr, nullptr);
            if (fd < 0)
                return;
            ++served_;
            peer client{fd};
            try {
                one(client);
            } catch (const std::runtime_error&) {
                // The client may leave whenever it likes.
            }
        }
    }

    int listener_;
    int served_ = 0;
    std::thread thread_;
};

}  // namespace pgballast::tests
