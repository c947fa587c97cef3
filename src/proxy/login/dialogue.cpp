#include "dialogue.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "pgballast/pool/keepalive.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t read_size = 16 * 1024;

void set(int fd, int layer, int option, int value) {
    (void)setsockopt(fd, layer, option, &value, sizeof value);
}

void prepare_tcp(int fd) {
    namespace keepalive = pool::keepalive;
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(keepalive::idle.count()));
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(keepalive::interval.count()));
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive::count);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(keepalive::user_timeout.count()));
}

}  // namespace

dialogue::dialogue(asio::any_io_executor executor, time_point deadline)
    : shared_{std::make_shared<shared_socket>(
          shared_socket{asio::generic::stream_protocol::socket{executor}, false})},
      timer_{executor, deadline} {
    timer_.async_wait([shared = shared_](error_code error) {
        if (error)
            return;
        shared->timed_out = true;
        error_code ignored;
        shared->socket.close(ignored);
    });
}

dialogue::~dialogue() {
    timer_.cancel();
    error_code ignored;
    shared_->socket.close(ignored);
}

/// A socket closed by the deadline says "operation aborted": that is not why.
error_code dialogue::say(error_code error) const {
    if (error && shared_->timed_out)
        return make_error_code(boost::system::errc::timed_out);
    return error;
}

asio::awaitable<error_code> dialogue::connect(stream_endpoint to) {
    error_code error;
    shared_->socket.open(to.protocol(), error);
    if (!error) {
        const auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await shared_->socket.async_connect(to, token);
    }
    if (!error && to.protocol().family() != AF_UNIX)
        prepare_tcp(shared_->socket.native_handle());
    co_return say(error);
}

asio::awaitable<error_code> dialogue::write_raw(std::string out) {
    error_code error;
    const auto buffer = asio::buffer(out);
    const auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_write(shared_->socket, buffer, token);
    co_return say(error);
}

asio::awaitable<error_code> dialogue::read_raw(std::string& in) {
    error_code error;
    std::array<char, read_size> octets;
    const auto buffer = asio::buffer(octets);
    const auto token = asio::redirect_error(asio::use_awaitable, error);
    const auto size = co_await shared_->socket.async_read_some(buffer, token);
    if (!error)
        in.append(octets.data(), size);
    co_return say(error);
}

asio::awaitable<error_code> dialogue::read_byte(char& byte) {
    error_code error;
    const auto buffer = asio::buffer(&byte, 1);
    const auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await shared_->socket.async_read_some(buffer, token);
    co_return say(error);
}

bool dialogue::has_unread() {
    error_code ignored;
    return shared_->socket.available(ignored) != 0;
}

asio::awaitable<error_code> dialogue::write(std::string out) {
    if (tls_) {
        std::string plain;
        plain.swap(out);
        if (const auto error =
                tls_->encrypt(plain, [&](net::bytes part) { out.append(part); }))
            co_return error;
    }
    const auto error = co_await write_raw(std::move(out));
    co_return error;
}

asio::awaitable<error_code> dialogue::read(std::string& in) {
    if (!tls_) {
        const auto error = co_await read_raw(in);
        co_return error;
    }
    const auto before = in.size();
    while (in.size() == before) {
        std::string raw;
        if (const auto error = co_await read_raw(raw); error)
            co_return error;
        std::string answer;
        if (const auto error = tls_->decrypt(
                raw, [&](net::bytes part) { in.append(part); },
                [&](net::bytes part) { answer.append(part); }))
            co_return error;
        if (!answer.empty())
            if (const auto error = co_await write_raw(std::move(answer)); error)
                co_return error;
        if (tls_->closed() && in.size() == before)
            co_return make_error_code(asio::error::eof);
    }
    co_return error_code{};
}

asio::awaitable<error_code> dialogue::start_tls(const net::tls_context& context,
                                                std::string host) {
    auto filter = context.make_filter(host);
    if (!filter)
        co_return filter.error();
    std::string in;
    for (;;) {
        std::string out;
        const auto progress =
            (*filter)->handshake(in, [&](net::bytes part) { out.append(part); });
        if (!out.empty())
            if (const auto error = co_await write_raw(std::move(out)); error)
                co_return error;
        if (!progress) {
            tls_failure_ = (*filter)->failure();
            co_return progress.error();
        }
        if (*progress == net::tls_filter::progress::done)
            break;
        in.clear();
        if (const auto error = co_await read_raw(in); error)
            co_return error;
    }
    tls_ = std::move(*filter);
    co_return error_code{};
}

int dialogue::release(std::unique_ptr<net::tls_filter>& tls) {
    timer_.cancel();
    error_code ignored;
    shared_->socket.native_non_blocking(true, ignored);
    tls = std::move(tls_);
    return shared_->socket.release(ignored);
}

}  // namespace pgballast::proxy
