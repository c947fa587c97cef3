// A socket of the data plane, with TLS in between where there is some.
#pragma once

#include <memory>

#include "pgballast/net/engine.hpp"
#include "pgballast/net/tls.hpp"

namespace pgballast::proxy {

/// Owned by a client or a backend, which is also the engine's handler for it.
class link {
 public:
    link(net::engine& engine, int fd, std::unique_ptr<net::tls_filter> tls, net::handler& owner)
        : engine_{engine}, tls_{std::move(tls)}, socket_{&engine.add(fd, owner)} {}
    ~link() { close(); }
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    bool is_open() const noexcept { return socket_ != nullptr; }
    bool is_tls() const noexcept { return tls_ != nullptr; }
    int fd() const noexcept { return socket_->fd(); }
    std::size_t queued() const noexcept { return socket_ ? socket_->queued() : 0; }

    /// From now on it counts whether anything is written.
    void begin_request() noexcept { begun_at_ = given_; }

    /// Of what was sent since then nothing has been given to the kernel.
    bool nothing_written() const noexcept { return socket_ && socket_->taken() <= begun_at_; }

    bool congested() const noexcept { return queued() > net::engine::high_mark; }

    /// Plain bytes out. On a link that is closed, nothing.
    void send(net::slice data);
    void send(net::bytes data) {
        if (socket_ && !data.empty())
            send(engine_.memory().copy(data));
    }

    /// Bytes as the engine delivered them in, plain bytes to `plain(net::slice)`.
    /// Errors: TLS's.
    template <typename Plain>
    boost::system::error_code receive(net::slice raw, Plain&& plain) {
        if (!tls_) {
            plain(std::move(raw));
            return {};
        }
        return tls_->decrypt(
            raw.view(), [&](net::bytes part) { plain(engine_.memory().copy(part)); },
            [&](net::bytes part) { send_raw(part); });
    }

    void pause() {
        if (socket_ && !socket_->paused())
            engine_.pause(*socket_);
    }
    void resume() {
        if (socket_ && socket_->paused())
            engine_.resume(*socket_);
    }
    void set_parked(bool parked) {
        if (socket_)
            engine_.set_parked(*socket_, parked);
    }

    void close();
    void close_when_sent();

    /// Lets the socket go to another engine; `done` gets it and its TLS.
    void detach(std::function<void(net::engine::detached, std::unique_ptr<net::tls_filter>)> done);

 private:
    void send_raw(net::bytes data) {
        if (socket_)
            give(engine_.memory().copy(data));
    }
    void give(net::slice data);

    net::engine& engine_;
    std::unique_ptr<net::tls_filter> tls_;
    net::connection* socket_;
    std::uint64_t given_ = 0;     // bytes to the engine
    std::uint64_t begun_at_ = 0;  // of those
};

}  // namespace pgballast::proxy
