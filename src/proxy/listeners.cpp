#include "listeners.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "pgballast/proxy/log.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;
using boost::system::error_code;

constexpr int backlog = 4096;

std::string to_string(const tcp::endpoint& where) {
    const auto address = where.address().to_string();
    const auto port = std::to_string(where.port());
    return where.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

/// Out of descriptors, or the like: the next try would fail as fast.
asio::awaitable<void> rest_after(error_code error) {
    log::error("accept failed", {{"cause", error.message()}});
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause{executor, std::chrono::milliseconds{100}};
    co_await pause.async_wait(asio::use_awaitable);
}

template <typename Acceptor>
void listen_at(Acceptor& acceptor, const typename Acceptor::endpoint_type& where,
               const std::string& in_words) {
    error_code error;
    acceptor.bind(where, error);
    if (!error)
        acceptor.listen(backlog, error);
    if (error)
        throw std::runtime_error{"cannot listen on " + in_words + ": " + error.message()};
}

}  // namespace

proxy::listeners::listeners(proxy& home) : home_{home} {
    for (const auto& where : home.settings().listen) {
        if (where.is_unix())
            listen_unix(where);
        else
            listen_tcp(where);
    }
}

void proxy::listeners::listen_tcp(const config::endpoint& where) {
    tcp::resolver resolver{home_.context()};
    const auto found =
        resolver.resolve(where.host, std::to_string(where.port), tcp::resolver::passive);
    auto acceptor = std::make_unique<tcp::acceptor>(home_.context());
    const auto endpoint = found.begin()->endpoint();
    acceptor->open(endpoint.protocol());
    acceptor->set_option(tcp::acceptor::reuse_address{true});
    listen_at(*acceptor, endpoint, to_string(endpoint));
    log::info("listening", {{"address", to_string(acceptor->local_endpoint())}});
    tcp_.push_back(std::move(acceptor));
    asio::co_spawn(home_.context(), accept_tcp(*tcp_.back()), asio::detached);
}

void proxy::listeners::listen_unix(const config::endpoint& where) {
    const auto path = where.host + "/.s.PGSQL." + std::to_string(where.port);
    ::unlink(path.c_str());
    auto acceptor = std::make_unique<unix_stream::acceptor>(home_.context());
    acceptor->open();
    listen_at(*acceptor, unix_stream::endpoint{path}, path);
    paths_.push_back(path);
    log::info("listening", {{"address", "unix:" + path}});
    unix_.push_back(std::move(acceptor));
    asio::co_spawn(home_.context(), accept_unix(*unix_.back()), asio::detached);
}

asio::awaitable<void> proxy::listeners::accept_tcp(tcp::acceptor& from) {
    while (from.is_open()) {
        error_code error;
        tcp::endpoint peer;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await from.async_accept(peer, token);
        if (!from.is_open())
            co_return;
        if (error) {
            co_await rest_after(error);
            continue;
        }
        client_socket generic{std::move(socket)};
        asio::co_spawn(home_.context(), let_in(home_, std::move(generic), to_string(peer), false),
                       asio::detached);
    }
}

asio::awaitable<void> proxy::listeners::accept_unix(unix_stream::acceptor& from) {
    while (from.is_open()) {
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        auto socket = co_await from.async_accept(token);
        if (!from.is_open())
            co_return;
        if (error) {
            co_await rest_after(error);
            continue;
        }
        client_socket generic{std::move(socket)};
        asio::co_spawn(home_.context(), let_in(home_, std::move(generic), "unix", true),
                       asio::detached);
    }
}

void proxy::listeners::close() {
    error_code ignored;
    for (auto& one : tcp_)
        one->close(ignored);
    for (auto& one : unix_)
        one->close(ignored);
    for (const auto& path : paths_)
        ::unlink(path.c_str());
    paths_.clear();
}

}  // namespace pgballast::proxy
