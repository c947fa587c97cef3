// One client's login: its bytes through `client_login`, its startup parameters into a
// session's settings, then off to a worker.
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

#include "listeners.hpp"
#include "pgballast/config/startup_options.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Closes the socket when the login takes too long; shared with the timer's handler.
struct connection {
    explicit connection(client_socket s) : socket{std::move(s)} {}
    client_socket socket;
};

asio::awaitable<error_code> write(connection& to, std::string out) {
    error_code error;
    const auto buffer = asio::buffer(out);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_write(to.socket, buffer, token);
    co_return error;
}

asio::awaitable<void> reject(connection& to, wire::error_message why) {
    std::string out;
    why.severity = "FATAL";
    wire::append_error(out, why);
    const auto ignored = co_await write(to, std::move(out));
    (void)ignored;
}

/// What the client asked for at start-up, sorted into what the server reports and what
/// it does not. An error in words where `options` cannot be read.
std::optional<std::string> apply_startup(const client_login::authenticated& who,
                                         const session::reported_ptr& login_values,
                                         new_client& out) {
    session::startup_settings asked;
    for (const auto& [name, value] : who.parameters) {
        if (name.starts_with("_pq_."))
            continue;
        if (name != "options") {
            asked.emplace_back(name, value);
            continue;
        }
        auto options = config::parse_startup_options(value);
        if (!options)
            return "invalid command-line argument for server process: " + options.error().message;
        for (auto& one : *options)
            asked.emplace_back(std::move(one));
    }

    out.told = login_values;
    session::startup_settings hidden;
    for (auto& [name, value] : asked) {
        const auto canonical = session::reported_name(name);
        if (!canonical.empty() && login_values->find(canonical)) {
            if (session::is_settable(canonical))
                out.told = session::with_value(out.told, canonical, value);
        } else
            hidden.emplace_back(std::move(name), std::move(value));
    }
    if (!hidden.empty())
        out.startup = std::make_shared<const session::startup_settings>(std::move(hidden));
    return std::nullopt;
}

/// Runs the login conversation. Nothing returned: the connection has been dealt with.
asio::awaitable<std::optional<client_login::authenticated>> converse(proxy& home, connection& peer,
                                                                     std::string address) {
    client_login login{home.login_options()};
    for (;;) {
        std::array<char, 4096> octets;
        error_code error;
        const auto buffer = asio::buffer(octets);
        auto token = asio::redirect_error(asio::use_awaitable, error);
        const auto size = co_await peer.socket.async_read_some(buffer, token);
        if (error)
            co_return std::nullopt;
        std::string out;
        auto event = login.feed({octets.data(), size}, out);
        if (!out.empty()) {
            const auto failed = co_await write(peer, std::move(out));
            if (failed)
                co_return std::nullopt;
        }
        if (auto* who = std::get_if<client_login::authenticated>(&event)) {
            std::optional<client_login::authenticated> result{std::move(*who)};
            co_return result;
        }
        if (const auto* request = std::get_if<client_login::cancel>(&event)) {
            home.cancel(request->request);
            co_return std::nullopt;
        }
        if (const auto* no = std::get_if<client_login::rejected>(&event)) {
            log::info("login rejected",
                      {{"user", no->user}, {"address", address}, {"cause", no->reason}});
            co_return std::nullopt;
        }
    }
}

/// Waits until the upstream has been logged in to once.
asio::awaitable<std::optional<pool::failure>> first_login(proxy& home, shared_pool& pool,
                                                          std::shared_ptr<connection> peer) {
    const auto executor = co_await asio::this_coro::executor;
    auto answered =
        std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    auto failure = std::make_shared<std::optional<pool::failure>>();
    auto done = std::make_shared<bool>(false);
    home.when_logged_in(pool,
                        {[=](const pool::failure* why) {
                             *done = true;
                             if (why)
                                 *failure = *why;
                             answered->cancel();
                         },
                         [peer](std::chrono::milliseconds waited) {
                             std::string out;
                             const auto seconds =
                                 std::chrono::duration_cast<std::chrono::seconds>(waited).count();
                             wire::append_notice(out, {"NOTICE", "00000",
                                                       "waiting for the database to wake, " +
                                                           std::to_string(seconds) + " s so far"});
                             error_code ignored;  // a few bytes: they fit, or the client is gone
                             peer->socket.native_non_blocking(true, ignored);
                             peer->socket.write_some(asio::buffer(out), ignored);
                         }});
    if (!*done) {
        error_code ignored;
        auto token = asio::redirect_error(asio::use_awaitable, ignored);
        co_await answered->async_wait(token);
    }
    co_return *failure;
}

asio::awaitable<void> welcome(proxy& home, std::shared_ptr<connection> peer,
                              client_login::authenticated who, std::string address) {
    auto* pool = home.find_pool(who.database);
    if (!pool) {
        const auto text = "database \"" + who.database + "\" does not exist";
        wire::error_message no{"FATAL", wire::sqlstate::invalid_catalog_name, text,
                               "No database of that name, and no \"*\", is configured."};
        co_await reject(*peer, no);
        co_return;
    }
    const auto failure = co_await first_login(home, *pool, peer);
    if (failure) {
        wire::error_message no{"FATAL", failure->sqlstate, failure->message, failure->detail,
                               failure->hint};
        co_await reject(*peer, no);
        co_return;
    }
    new_client client;
    const auto bad = apply_startup(who, pool->login_values(), client);
    if (bad) {
        wire::error_message no{"FATAL", "22023", *bad};
        co_await reject(*peer, no);
        co_return;
    }
    if (!home.count_client()) {
        wire::error_message no{"FATAL", wire::sqlstate::too_many_connections,
                               "sorry, too many clients already"};
        co_await reject(*peer, no);
        co_return;
    }
    log::debug("login", {{"user", who.user}, {"database", who.database}, {"address", address}});
    error_code ignored;
    peer->socket.native_non_blocking(true, ignored);
    client.early = std::move(who.early);
    client.fd = peer->socket.release(ignored);
    client.message_max = home.settings().limits.message_max;
    home.add_client(*pool, std::move(client));
}

}  // namespace

asio::awaitable<void> let_in(proxy& home, client_socket socket, std::string address) {
    if (!home.count_login())
        co_return;
    auto peer = std::make_shared<connection>(std::move(socket));
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer deadline{executor, home.settings().limits.login_timeout};
    deadline.async_wait([peer](error_code error) {
        error_code ignored;
        if (!error)
            peer->socket.close(ignored);
    });
    auto who = co_await converse(home, *peer, address);
    deadline.cancel();
    if (who)
        co_await welcome(home, peer, std::move(*who), std::move(address));
    home.login_gone();
}

}  // namespace pgballast::proxy
