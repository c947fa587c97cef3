#include "pgballast/proxy/login/connect_backend.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <sstream>
#include <utility>
#include <variant>

#include "dialogue.hpp"
#include "pgballast/config/neon.hpp"
#include "pgballast/pool/classify.hpp"
#include "resolve.hpp"
#include "secure.hpp"
#include "ways.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

/// What all attempts of one call share.
struct job {
    const config::dsn& upstream;
    const net::tls_context& tls;
    bool neon;
    const connect_observer& observe;
    steady_clock::time_point started;
    steady_clock::time_point deadline;
};

using attempt_result = std::variant<logged_in, attempt_failure>;

class stopwatch {
 public:
    std::chrono::microseconds lap() {
        const auto now = steady_clock::now();
        return std::chrono::duration_cast<std::chrono::microseconds>(now -
                                                                     std::exchange(since_, now));
    }

 private:
    steady_clock::time_point since_ = steady_clock::now();
};

/// Drives a `backend_login` to its end; an error is the connection's.
asio::awaitable<error_code> converse(dialogue& talk, backend_login& login,
                                     backend_login::progress& progress) {
    auto out = login.start();
    progress = backend_login::progress::more;
    while (progress == backend_login::progress::more) {
        error_code error;
        if (!out.empty())
            error = co_await talk.write(out);
        std::string in;
        if (!error)
            error = co_await talk.read(in);
        if (error)
            co_return error;
        out.clear();
        progress = login.feed(in, out);
    }
    co_return error_code{};
}

backend_login::transport transport_of(const dialogue& talk) {
    if (!talk.tls())
        return {};
    return {true, talk.tls()->server_certificate_hash()};
}

void tell(const job& work, pool::step which, std::chrono::microseconds took, std::string what) {
    if (work.observe)
        work.observe({which, took, std::move(what)});
}

std::string to_text(const stream_endpoint& one) {
    if (one.protocol().family() == AF_UNIX)
        return "a Unix socket";
    asio::ip::tcp::endpoint address;
    std::memcpy(address.data(), one.data(), std::min(one.size(), address.capacity()));
    std::ostringstream out;
    out << address;
    return out.str();
}

std::string to_text(const std::vector<stream_endpoint>& all) {
    std::string text;
    for (const auto& one : all)
        text += (text.empty() ? "" : ", ") + to_text(one);
    return text;
}

std::string tls_in_words(const job& work, const dialogue& talk, const std::string& host) {
    if (!talk.tls())
        return "declined by the server, which sslmode=prefer allows: in the clear";
    const auto verified = work.tls.checks_name() ? "certificate of " + host + " verified"
                          : work.tls.verifies()  ? std::string{"certificate's authority verified"}
                                                 : std::string{"certificate not verified"};
    return talk.tls()->version() + ", " + verified;
}

/// Logs in over a connection that is there; `failed` says where it stands.
asio::awaitable<attempt_result> log_in(const job& work, dialogue& talk, attempt_failure& failed) {
    failed.at = pool::step::login;
    failed.used = talk.tls() ? way::tls : way::plain;
    backend_login login{work.upstream, transport_of(talk), work.neon};
    auto progress = backend_login::progress::more;
    const auto error = co_await converse(talk, login, progress);
    if (error) {
        failed.why = pool::classify(work.neon, pool::step::login, error);
        co_return std::move(failed);
    }
    if (progress == backend_login::progress::failed) {
        failed.why = login.failure();
        failed.turned_away = login.turned_away();
        co_return std::move(failed);
    }
    auto session = login.take_session();
    logged_in result;
    result.method = login.method();
    result.parameters = std::move(session.parameters);
    result.key = std::move(session.key);
    result.early = std::move(session.early);
    result.tls = talk.release_tls();
    result.fd = talk.release_socket();
    co_return std::move(result);
}

/// One connection to one address, with TLS or without.
asio::awaitable<attempt_result> attempt(const job& work, const config::endpoint& host,
                                        const stream_endpoint& to, way how,
                                        steady_clock::time_point connect_until) {
    login_times times;
    stopwatch watch;
    attempt_failure failed;
    failed.used = how;

    const auto executor = co_await asio::this_coro::executor;
    dialogue talk{executor, work.deadline};
    const auto error = co_await talk.connect(to, connect_until);
    times.connect = watch.lap();
    if (error) {
        failed.why = pool::classify(work.neon, pool::step::connect, error);
        co_return std::move(failed);
    }
    tell(work, pool::step::connect, times.connect, to_text(to));
    if (how == way::tls) {
        const bool insist = work.upstream.sslmode != config::sslmode::prefer;
        failed.at = pool::step::tls;
        auto refused = co_await secure(talk, work.upstream, work.tls, work.neon, host.host, insist);
        if (refused) {
            failed.why = std::move(*refused);
            co_return std::move(failed);
        }
        times.tls = watch.lap();
        tell(work, pool::step::tls, times.tls, tls_in_words(work, talk, host.host));
    }
    auto result = co_await log_in(work, talk, failed);
    times.login = watch.lap();
    if (auto* session = std::get_if<logged_in>(&result)) {
        session->remote = to;
        session->host = host.host;
        session->times = times;
        tell(work, pool::step::login, times.login, std::string{session->method});
    }
    co_return std::move(result);
}

/// One address, in the ways that sslmode allows.
asio::awaitable<attempt_result> try_address(const job& work, const config::endpoint& host,
                                            const stream_endpoint& to,
                                            steady_clock::time_point connect_until) {
    const auto mode = work.upstream.sslmode;
    const auto how = first_way(mode, host.is_unix());
    auto first = co_await attempt(work, host, to, how, connect_until);
    const auto* failed = std::get_if<attempt_failure>(&first);
    const auto other = failed ? next_way(mode, *failed) : std::nullopt;
    if (!other || host.is_unix())
        co_return std::move(first);

    auto second = co_await attempt(work, host, to, *other, work.deadline);
    const auto* again = std::get_if<attempt_failure>(&second);
    if (again && tells_more(*failed, *again))
        co_return std::move(first);
    co_return std::move(second);
}

/// All addresses of one host; `hosts_left` are still to come.
asio::awaitable<connect_result> try_host(const job& work, const config::endpoint& host,
                                         std::size_t hosts_left) {
    stopwatch watch;
    const auto found = co_await resolve(host, work.deadline);
    const auto resolving = watch.lap();
    if (!found)
        co_return pool::classify(work.neon, pool::step::resolve, found.error());

    tell(work, pool::step::resolve, resolving, to_text(*found));
    pool::failure last;
    for (std::size_t i = 0; i < found->size(); ++i) {
        const auto left = found->size() - i + hosts_left;
        const auto until = connect_until(steady_clock::now(), work.deadline, left);
        auto result = co_await try_address(work, host, (*found)[i], until);
        if (auto* session = std::get_if<logged_in>(&result)) {
            session->times.resolve = resolving;
            co_return std::move(*session);
        }
        last = std::move(std::get<attempt_failure>(result).why);
        if (last.kind == pool::failure_kind::permanent || steady_clock::now() >= work.deadline)
            break;
    }
    co_return std::move(last);
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
      method{other.method},
      times{other.times},
      took{other.took} {}

logged_in& logged_in::operator=(logged_in&& other) noexcept {
    std::swap(fd, other.fd);
    tls = std::move(other.tls);
    parameters = std::move(other.parameters);
    key = std::move(other.key);
    early = std::move(other.early);
    remote = other.remote;
    host = std::move(other.host);
    method = other.method;
    times = other.times;
    took = other.took;
    return *this;
}

logged_in::~logged_in() {
    if (fd >= 0)
        ::close(fd);
}

bool speaks_as_neon(const config::dsn& upstream) {
    return std::ranges::any_of(upstream.hosts, [](const config::endpoint& one) {
        return config::is_neon_host(one.host) || one.host.ends_with(".neonsim.test");
    });
}

asio::awaitable<connect_result> connect_backend(const config::dsn& upstream,
                                                const net::tls_context& tls, bool neon,
                                                std::chrono::milliseconds timeout,
                                                connect_observer observe) {
    assert(!upstream.hosts.empty());
    const auto now = steady_clock::now();
    const job work{upstream, tls, neon, observe, now, now + timeout};
    connect_result result;
    auto hosts_left = upstream.hosts.size();
    for (const auto& host : upstream.hosts) {
        --hosts_left;
        result = co_await try_host(work, host, hosts_left);
        const auto* failed = std::get_if<pool::failure>(&result);
        if (!failed || failed->kind == pool::failure_kind::permanent ||
            steady_clock::now() >= work.deadline)
            break;
    }
    if (auto* session = std::get_if<logged_in>(&result))
        session->took = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() -
                                                                              work.started);
    co_return std::move(result);
}

}  // namespace pgballast::proxy
