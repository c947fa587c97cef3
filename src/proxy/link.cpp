#include "pgballast/proxy/link.hpp"

#include <utility>

namespace pgballast::proxy {

void link::send(net::slice data) {
    if (!socket_ || data.empty())
        return;
    if (!tls_) {
        give(std::move(data));
        return;
    }
    // What cannot be encrypted any more shows as the end of the connection.
    (void)tls_->encrypt(data.view(), [&](net::bytes part) { send_raw(part); });
}

void link::give(net::slice data) {
    given_ += data.size();
    engine_.send(*socket_, std::move(data));
}

void link::close() {
    if (socket_)
        engine_.close(*std::exchange(socket_, nullptr));
}

void link::close_when_sent() {
    if (!socket_)
        return;
    if (tls_)
        tls_->shutdown([&](net::bytes part) { send_raw(part); });
    engine_.close_when_sent(*std::exchange(socket_, nullptr));
}

void link::detach(
    std::function<void(net::engine::detached, std::unique_ptr<net::tls_filter>)> done) {
    auto tls = std::make_shared<std::unique_ptr<net::tls_filter>>(std::move(tls_));
    engine_.detach(*std::exchange(socket_, nullptr),
                   [tls, done = std::move(done)](net::engine::detached socket) {
                       done(std::move(socket), std::move(*tls));
                   });
}

}  // namespace pgballast::proxy
