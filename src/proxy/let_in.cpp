// One client's login: its bytes through `client_login`, its startup parameters into a
// session's settings, then off to a worker.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "listeners.hpp"
#include "login/dialogue.hpp"
#include "logins.hpp"
#include "pgballast/config/startup_options.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

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
class conversation {
 public:
    conversation(proxy& home, dialogue& talk, const logins::place& place,
                 const std::string& address, bool local)
        : home_{home},
          talk_{talk},
          place_{place},
          address_{address},
          login_{options_of(home, local)} {}

    asio::awaitable<std::optional<client_login::authenticated>> run() {
        std::string in;
        auto error = co_await talk_.read(in);
        if (!error && in.front() == tls_handshake_type && home_.client_tls()) {
            error = co_await start_tls(true, std::exchange(in, {}));
            if (!error)
                error = co_await talk_.read(in);
        }
        while (!error) {
            std::string out;
            auto event = login_.feed(std::exchange(in, {}), out);
            if (!out.empty())
                error = co_await talk_.write(out);
            if (auto* who = std::get_if<client_login::authenticated>(&event); who && !error)
                co_return std::optional{std::move(*who)};
            if (!goes_on(event))
                co_return std::nullopt;
            if (!error && std::holds_alternative<client_login::start_tls>(event))
                error = co_await start_tls(false, std::string());
            if (!error)
                error = co_await talk_.read(in);
        }
        log_end(error);
        co_return std::nullopt;
    }

 private:
    // ContentType of the first record: RFC 8446, section 5.1.
    static constexpr char tls_handshake_type = 0x16;

    static client_login::options options_of(proxy& home, bool local) {
        auto options = home.login_options();
        options.tls_required = !local && home.settings().client_tls.required();
        return options;
    }

    bool goes_on(const client_login::event& event) {
        if (const auto* request = std::get_if<client_login::cancel>(&event))
            home_.cancel(request->request);
        else if (const auto* no = std::get_if<client_login::rejected>(&event))
            log::info("login rejected",
                      {{"user", no->user}, {"address", address_}, {"cause", no->reason}});
        else
            return true;
        return false;
    }

    /// `received`: the first bytes of the handshake, if they came already.
    asio::awaitable<error_code> start_tls(bool direct, std::string received) {
        const auto tls = home_.client_tls();  // kept, should it be read again meanwhile
        auto filter = tls->make_filter(direct);
        if (!filter)
            co_return filter.error();
        const auto error = co_await talk_.start_tls(std::move(*filter), std::move(received));
        const auto* under = talk_.tls();
        if (!error)
            login_.tls_started({under->server_certificate_hash(), under->peer_common_name()});
        co_return error;
    }

    /// The connection is over before the login is.
    void log_end(error_code why) const {
        if (const auto cause = cause_of(why); !cause.empty())
            log::info("login rejected", {{"address", address_}, {"cause", cause}});
        else
            log::debug("login abandoned", {{"address", address_}, {"cause", why.message()}});
    }

    /// Empty where the client has merely gone, as those do who look whether somebody listens.
    std::string cause_of(error_code why) const {
        if (place_.was_sent_away())
            return "it took long, and others want to log in: limits.clients are at it";
        if (why == boost::system::errc::timed_out)
            return "it took longer than limits.login_timeout";
        const auto* tls = talk_.tls();
        return tls && !tls->failure().empty() ? "TLS: " + tls->failure() : std::string{};
    }

    proxy& home_;
    dialogue& talk_;
    const logins::place& place_;
    const std::string& address_;
    client_login login_;
};

/// What a first login waits for, shared with those who will tell.
struct login_wait {
    explicit login_wait(const asio::any_io_executor& executor)
        : told{executor, asio::steady_timer::time_point::max()} {}

    asio::steady_timer told;  // cancelled when there is something new below
    bool done = false;
    std::optional<pool::failure> failure;
    std::string notice;
};

/// Waits until the upstream has been logged in to once.
asio::awaitable<std::optional<pool::failure>> first_login(proxy& home, shared_pool& pool,
                                                          dialogue& talk) {
    const auto executor = co_await asio::this_coro::executor;
    const auto wait = std::make_shared<login_wait>(executor);
    home.when_logged_in(pool, {[wait](const pool::failure* why) {
                                   wait->done = true;
                                   if (why)
                                       wait->failure = *why;
                                   wait->told.cancel();
                               },
                               [wait](const std::string& text) {
                                   wait->notice = text;
                                   wait->told.cancel();
                               }});
    while (!wait->done) {
        error_code cancelled;
        auto token = asio::redirect_error(asio::use_awaitable, cancelled);
        co_await wait->told.async_wait(token);
        if (wait->notice.empty())
            continue;
        std::string out;
        wire::append_notice(out, {"NOTICE", "00000", std::exchange(wait->notice, {})});
        const auto ignored = co_await talk.write(out);  // should it be gone, it will show
        (void)ignored;
    }
    co_return wait->failure;
}

asio::awaitable<void> reject(dialogue& talk, const client_login::authenticated& who,
                             const std::string& address, wire::error_message why) {
    log::info("login rejected", {{"user", who.user},
                                 {"database", who.database},
                                 {"address", address},
                                 {"sqlstate", why.sqlstate},
                                 {"cause", why.message}});
    std::string out;
    wire::append_error(out, why);
    const auto ignored = co_await talk.write(out);
    (void)ignored;
}

asio::awaitable<void> welcome(proxy& home, dialogue& talk, client_login::authenticated who,
                              const std::string& address) {
    auto* pool = home.find_pool(who.database);
    if (!pool) {
        const auto text = "database \"" + who.database + "\" does not exist";
        wire::error_message no{"FATAL", wire::sqlstate::invalid_catalog_name, text,
                               "No database of that name, and no \"*\", is configured."};
        co_await reject(talk, who, address, no);
        co_return;
    }
    const auto failure = co_await first_login(home, *pool, talk);
    if (failure) {
        wire::error_message no{"FATAL", failure->sqlstate, failure->message, failure->detail,
                               failure->hint};
        co_await reject(talk, who, address, no);
        co_return;
    }
    new_client client;
    const auto bad = apply_startup(who, pool->login_values(), client);
    if (bad) {
        wire::error_message no{"FATAL", "22023", *bad};
        co_await reject(talk, who, address, no);
        co_return;
    }
    const auto full = home.count_client(who, *pool, client);
    if (full) {
        wire::error_message no{"FATAL", wire::sqlstate::too_many_connections, *full};
        co_await reject(talk, who, address, no);
        co_return;
    }
    log::debug("login", {{"user", who.user},
                         {"database", who.database},
                         {"address", address},
                         {"tls", talk.tls() ? talk.tls()->version() : "none"}});
    client.early = std::move(who.early);
    client.tls = talk.release_tls();
    client.fd = talk.release_socket();
    client.message_max = home.settings().limits.message_max;
    home.add_client(*pool, std::move(client));
}

}  // namespace

asio::awaitable<void> let_in(proxy& home, client_socket socket, std::string address, bool local) {
    const auto deadline = std::chrono::steady_clock::now() + home.settings().limits.login_timeout;
    dialogue talk{std::move(socket), deadline};
    logins::place place{home.pending_logins(), talk};
    if (!place.enter()) {
        wire::error_message no{"FATAL", wire::sqlstate::too_many_connections,
                               "sorry, too many clients already"};
        const client_login::authenticated nobody;
        co_await reject(talk, nobody, address, no);
        co_return;
    }
    conversation login{home, talk, place, address, local};
    auto who = co_await login.run();
    if (!who)
        co_return;
    place.proved();
    talk.put_off(dialogue::time_point::max());
    co_await welcome(home, talk, std::move(*who), address);
}

}  // namespace pgballast::proxy
