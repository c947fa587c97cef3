#include <boost/asio/this_coro.hpp>
#include <utility>

#include "dialogue.hpp"
#include "pgballast/proxy/login/connect_backend.hpp"
#include "pgballast/wire/startup.hpp"
#include "secure.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using config::sslmode;

constexpr std::chrono::seconds cancel_max{5};

/// The key must not travel in the clear where the session need not: TLS is asked for
/// with sslmode=allow, too. A server's pg_hba.conf has no say in cancel requests.
bool insists_on_tls(sslmode mode) {
    return mode != sslmode::allow && mode != sslmode::prefer;
}

}  // namespace

asio::awaitable<void> send_cancel(const config::dsn& upstream, const net::tls_context& tls,
                                  stream_endpoint remote, std::string host, wire::backend_key key) {
    const auto executor = co_await asio::this_coro::executor;
    const auto deadline = std::chrono::steady_clock::now() + cancel_max;
    dialogue talk{executor, deadline};
    auto error = co_await talk.connect(remote, deadline);
    if (error)
        co_return;
    if (remote.protocol().family() != AF_UNIX && upstream.sslmode != sslmode::disable) {
        const bool insist = insists_on_tls(upstream.sslmode);
        const auto refused = co_await secure(talk, upstream, tls, false, host, insist);
        if (refused)
            co_return;
    }
    const auto request = wire::encode_cancel_request({key.pid, std::move(key.key)});
    error = co_await talk.write(request);
    while (!error) {  // the server reads it before it closes, and we must not close before
        std::string ignored;
        error = co_await talk.read(ignored);
    }
}

}  // namespace pgballast::proxy
