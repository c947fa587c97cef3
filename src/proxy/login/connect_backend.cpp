#include "pgballast/proxy/login/connect_backend.hpp"

#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "dialogue.hpp"
#include "pgballast/pool/classify.hpp"
#include "pgballast/wire/startup.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using config::sslmode;
using std::chrono::steady_clock;

/// What all steps of one attempt need.
struct attempt {
    const config::dsn& upstream;
    const net::tls_context& tls;
    bool neon;
    steady_clock::time_point deadline;
};

struct outcome {
    std::optional<logged_in> session;
    pool::failure why;
    bool final = false;        // the server refused us: other addresses would too
    bool other_tls = false;    // turned away as we came: worth trying with or without TLS
};

pool::failure failure_of(const attempt& how, pool::step at, error_code error,
                         std::string_view words = {}) {
    return pool::classify(how.neon, at, error, words);
}

/// Addresses of a host, resolved now.
asio::awaitable<error_code> resolve(const config::endpoint& host,
                                    std::vector<stream_endpoint>& out) {
    if (host.is_unix()) {
        const auto path = host.host + "/.s.PGSQL." + std::to_string(host.port);
        out.emplace_back(asio::local::stream_protocol::endpoint{path});
        co_return error_code{};
    }
    error_code error;
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver{executor};
    const auto name = host.hostaddr.empty() ? host.host : host.hostaddr;
    const auto port = std::to_string(host.port);
    const auto token = asio::redirect_error(asio::use_awaitable, error);
    const auto found = co_await resolver.async_resolve(name, port, token);
    for (const auto& one : found)
        out.emplace_back(one.endpoint());
    co_return error;
}

bool wants_tls(sslmode mode, bool first_try) {
    switch (mode) {
        case sslmode::disable:
            return false;
        case sslmode::allow:
            return !first_try;
        case sslmode::prefer:
            return first_try;
        default:
            return true;
    }
}

bool may_change_tls(sslmode mode) { return mode == sslmode::allow || mode == sslmode::prefer; }

/// Asks for TLS and shakes hands. Without an error `talk.tls()` may still be null:
/// the server has none, and sslmode=prefer goes on without.
asio::awaitable<std::optional<pool::failure>> secure(const attempt& how, dialogue& talk,
                                                     std::string host) {
    if (how.upstream.sslnegotiation != config::sslnegotiation::direct) {
        char answer = 0;
        auto error = co_await talk.write(wire::encode_ssl_request());
        if (!error)
            error = co_await talk.read_byte(answer);
        if (error)
            co_return failure_of(how, pool::step::tls, error);
        if (answer == 'N' && how.upstream.sslmode == sslmode::prefer)
            co_return std::nullopt;
        if (answer != 'S') {
            pool::failure refused;
            refused.kind = pool::failure_kind::permanent;
            refused.sqlstate = "08001";
            refused.message = "the server does not support TLS, but sslmode requires it";
            co_return refused;
        }
        // Whoever sits in between could have put plain text behind the answer (CVE-2021-23222).
        if (talk.has_unread()) {
            const auto error_code = make_error_code(boost::system::errc::protocol_error);
            co_return failure_of(how, pool::step::tls, error_code,
                                 "the server sent plain text behind its answer to SSLRequest");
        }
    }
    const auto error = co_await talk.start_tls(how.tls, std::move(host));
    if (error)
        co_return failure_of(how, pool::step::tls, error, talk.tls_failure());
    co_return std::nullopt;
}

asio::awaitable<void> log_in(const attempt& how, dialogue& talk, outcome& result) {
    backend_login::transport transport;
    if (talk.tls()) {
        transport.encrypted = true;
        transport.server_certificate_hash = talk.tls()->server_certificate_hash();
    }
    backend_login login{how.upstream, transport, how.neon};
    std::string out = login.start();
    for (;;) {
        if (!out.empty()) {
            const auto error = co_await talk.write(std::exchange(out, {}));
            if (error) {
                result.why = failure_of(how, pool::step::login, error);
                co_return;
            }
        }
        std::string in;
        const auto error = co_await talk.read(in);
        if (error) {
            result.why = failure_of(how, pool::step::login, error);
            co_return;
        }
        const auto progress = login.feed(in, out);
        if (progress == backend_login::progress::failed) {
            result.why = login.failure();
            result.final = true;
            result.other_tls = login.turned_away() && may_change_tls(how.upstream.sslmode);
            co_return;
        }
        if (progress == backend_login::progress::done)
            break;
    }
    auto session = login.take_session();
    result.session.emplace();
    result.session->parameters = std::move(session.parameters);
    result.session->key = std::move(session.key);
    result.session->early = std::move(session.early);
    result.session->fd = talk.release(result.session->tls);
}

asio::awaitable<outcome> try_address(const attempt& how, stream_endpoint to, std::string host,
                                     bool with_tls) {
    outcome result;
    const auto executor = co_await asio::this_coro::executor;
    dialogue talk{executor, how.deadline};
    const auto error = co_await talk.connect(to);
    if (error) {
        result.why = failure_of(how, pool::step::connect, error);
        co_return result;
    }
    if (with_tls) {
        auto refused = co_await secure(how, talk, host);
        if (refused) {
            result.why = std::move(*refused);
            result.final = result.why.kind == pool::failure_kind::permanent;
            result.other_tls = how.upstream.sslmode == sslmode::prefer;
            co_return result;
        }
    }
    co_await log_in(how, talk, result);
    if (result.session) {
        result.session->remote = to;
        result.session->host = host;
    }
    co_return result;
}

}  // namespace

logged_in::logged_in(logged_in&& other) noexcept
    : fd{std::exchange(other.fd, -1)},
      tls{std::move(other.tls)},
      parameters{std::move(other.parameters)},
      key{std::move(other.key)},
      early{std::move(other.early)},
      remote{other.remote},
      host{std::move(other.host)},
      took{other.took} {}

logged_in& logged_in::operator=(logged_in&& other) noexcept {
    std::swap(fd, other.fd);
    tls = std::move(other.tls);
    parameters = std::move(other.parameters);
    key = std::move(other.key);
    early = std::move(other.early);
    remote = other.remote;
    host = std::move(other.host);
    took = other.took;
    return *this;
}

logged_in::~logged_in() {
    if (fd >= 0)
        ::close(fd);
}

asio::awaitable<connect_result> connect_backend(const config::dsn& upstream,
                                                const net::tls_context& tls, bool neon,
                                                std::chrono::milliseconds timeout) {
    const auto started = steady_clock::now();
    const attempt how{upstream, tls, neon, started + timeout};
    outcome last;
    for (const auto& host : upstream.hosts) {
        std::vector<stream_endpoint> addresses;
        const auto error = co_await resolve(host, addresses);
        if (error) {
            last.why = failure_of(how, pool::step::resolve, error);
            continue;
        }
        for (const auto& address : addresses) {
            const bool local = host.is_unix();
            const bool first = !local && wants_tls(upstream.sslmode, true);
            last = co_await try_address(how, address, host.host, first);
            if (!last.session && last.other_tls && !local)
                last = co_await try_address(how, address, host.host, !first);
            if (last.session || last.final)
                break;
        }
        if (last.session || last.final)
            break;
    }
    connect_result result;
    if (last.session) {
        last.session->took = std::chrono::duration_cast<std::chrono::milliseconds>(
            steady_clock::now() - started);
        result = std::move(*last.session);
    } else
        result = std::move(last.why);
    co_return result;
}

asio::awaitable<void> send_cancel(const config::dsn& upstream, const net::tls_context& tls,
                                  stream_endpoint remote, std::string host,
                                  wire::backend_key key) {
    const auto executor = co_await asio::this_coro::executor;
    const attempt how{upstream, tls, false, steady_clock::now() + std::chrono::seconds{5}};
    dialogue talk{executor, how.deadline};
    auto error = co_await talk.connect(remote);
    if (error)
        co_return;
    const bool local = remote.protocol().family() == AF_UNIX;
    if (!local && wants_tls(upstream.sslmode, true)) {
        const auto refused = co_await secure(how, talk, std::move(host));
        if (refused)
            co_return;
    }
    wire::cancel_request request{key.pid, key.key};
    error = co_await talk.write(wire::encode_cancel_request(request));
    std::string ignored;
    while (!error)
        error = co_await talk.read(ignored);
}

}  // namespace pgballast::proxy
