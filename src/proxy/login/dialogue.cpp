#include "dialogue.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "pgballast/pool/keepalive.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void set(int fd, int layer, int option, int value) {
    // What a kernel does not know, or not for a Unix socket, it does without.
    (void)setsockopt(fd, layer, option, &value, sizeof value);
}

void prepare_tcp(int fd, const pool::keepalive::timing& probes) {
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(probes.idle.count()));
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(probes.interval.count()));
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, probes.count);
}

}  // namespace

/// Shared with the timer's handler, which may run when the dialogue is gone.
struct dialogue::timed_socket {
    explicit timed_socket(const asio::any_io_executor& executor)
        : socket{executor}, timer{executor} {}
    explicit timed_socket(dialogue::stream_socket accepted)
        : socket{std::move(accepted)}, timer{socket.get_executor()} {}

    asio::generic::stream_protocol::socket socket;
    asio::steady_timer timer;
    bool timed_out = false;
    std::array<char, 16 * 1024> buffer;
};

dialogue::dialogue(const asio::any_io_executor& executor, time_point deadline)
    : deadline_{deadline}, shared_{std::make_shared<timed_socket>(executor)} {}

dialogue::dialogue(stream_socket accepted, time_point deadline)
    : deadline_{deadline}, shared_{std::make_shared<timed_socket>(std::move(accepted))} {
    prepare_tcp(shared_->socket.native_handle(), pool::keepalive::of_clients);
    watch(deadline_);
}

void dialogue::put_off(time_point deadline) {
    deadline_ = deadline;
    watch(deadline_);
}

dialogue::~dialogue() {
    error_code ignored;
    shared_->timer.cancel();
    shared_->socket.close(ignored);
}

/// Closes the socket when the time comes, unless it is put off by then.
void dialogue::watch(time_point until) {
    shared_->timer.expires_at(until);
    shared_->timer.async_wait([shared = shared_](error_code cancelled) {
        if (cancelled || shared->timer.expiry() > std::chrono::steady_clock::now())
            return;
        shared->timed_out = true;
        error_code ignored;
        shared->socket.close(ignored);
    });
}

/// An operation on a socket that the timer has closed says "aborted": that is not why.
error_code dialogue::told(error_code error) const {
    return error && shared_->timed_out ? make_error_code(boost::system::errc::timed_out) : error;
}

asio::awaitable<error_code> dialogue::connect(const endpoint& to, time_point until) {
    error_code error;
    auto& socket = shared_->socket;
    socket.open(to.protocol(), error);
    if (error)
        co_return error;
    watch(std::min(until, deadline_));
    const auto [failed] = co_await socket.async_connect(to, asio::as_tuple(asio::use_awaitable));
    if (failed)
        co_return told(failed);
    prepare_tcp(socket.native_handle(), pool::keepalive::of_backends);
    watch(deadline_);
    co_return error_code{};
}

asio::awaitable<error_code> dialogue::write_raw(const std::string& out) {
    const auto [error, size] = co_await asio::async_write(shared_->socket, asio::buffer(out),
                                                          asio::as_tuple(asio::use_awaitable));
    co_return told(error);
}

asio::awaitable<error_code> dialogue::read_raw(std::string& in) {
    auto& buffer = shared_->buffer;
    const auto [error, size] = co_await shared_->socket.async_read_some(
        asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    in.append(buffer.data(), size);
    co_return told(error);
}

asio::awaitable<error_code> dialogue::write(const std::string& out) {
    std::string encrypted;
    if (tls_)
        if (const auto error = tls_->encrypt(out, [&](net::bytes part) { encrypted.append(part); }))
            co_return error;
    const auto& raw = tls_ ? encrypted : out;
    const auto error = co_await write_raw(raw);
    co_return error;
}

error_code dialogue::decrypt(const std::string& in, std::string& plain, std::string& answer) {
    return tls_->decrypt(
        in, [&](net::bytes part) { plain.append(part); },
        [&](net::bytes part) { answer.append(part); });
}

asio::awaitable<error_code> dialogue::read(std::string& in) {
    const auto before = in.size();
    in.append(std::exchange(unread_, {}));
    while (in.size() == before) {
        if (tls_ && tls_->closed())
            co_return make_error_code(asio::error::eof);
        std::string raw, answer;
        auto error = co_await read_raw(raw);
        if (error)
            co_return error;
        if (!tls_) {
            in.append(raw);
            break;
        }
        error = decrypt(raw, in, answer);
        if (!error && !answer.empty())
            error = co_await write_raw(answer);
        if (error)
            co_return error;
    }
    co_return error_code{};
}

asio::awaitable<error_code> dialogue::start_tls(std::unique_ptr<net::tls_filter> filter,
                                                std::string received) {
    tls_ = std::move(filter);
    std::string in = std::move(received);
    std::string out;
    for (;;) {
        const auto progress = tls_->handshake(in, [&](net::bytes part) { out.append(part); });
        error_code error;
        if (!out.empty())
            error = co_await write_raw(out);
        if (!progress)
            co_return progress.error();
        if (error)
            co_return error;
        in.clear();
        out.clear();
        if (*progress == net::tls_filter::progress::done)
            break;
        error = co_await read_raw(in);
        if (error)
            co_return error;
    }
    auto error = decrypt(in, unread_, out);
    if (!error && !out.empty())
        error = co_await write_raw(out);
    co_return error;
}

int dialogue::release_socket() {
    error_code ignored;
    shared_->timer.cancel();
    shared_->socket.native_non_blocking(true, ignored);
    return shared_->socket.release(ignored);
}

}  // namespace pgballast::proxy
