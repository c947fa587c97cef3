#include "pgballast/proxy/proxy.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>
#include <utility>

#include "listeners.hpp"
#include "logins.hpp"
#include "pgballast/auth/random.hpp"
#include "pgballast/proxy/log.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;

/// The number of a worker stands in the low bits of its clients' process ids, so that
/// a cancel request finds it.
constexpr unsigned worker_bits = 6;
constexpr unsigned workers_max = 1u << worker_bits;

/// Databases served by "*" that a client may bring into being, while we run.
constexpr std::size_t pools_max = 1000;

unsigned worker_count(unsigned asked) {
    if (asked != 0)
        return std::min(asked, workers_max);
    return std::clamp(std::thread::hardware_concurrency() / 2, 1u, workers_max);
}

net::engine_kind choose_engine(config::io_kind asked) {
    if (asked == config::io_kind::epoll) {
        log::info("engine chosen", {{"io", "epoll"}, {"why", "configured"}});
        return net::engine_kind::epoll;
    }
    const auto why_not = net::why_not_io_uring();
    if (why_not.empty()) {
        log::info("engine chosen",
                  {{"io", "io_uring"},
                   {"why", asked == config::io_kind::io_uring ? "configured" : "it works here"}});
        return net::engine_kind::io_uring;
    }
    if (asked == config::io_kind::io_uring)
        throw std::runtime_error{"io: io_uring cannot be used here: " + why_not};
    log::info("engine chosen", {{"io", "epoll"}, {"why", why_not}});
    return net::engine_kind::epoll;
}

client_login::secret secret_of(const config::user& one) {
    if (!one.md5.empty())
        return client_login::md5_secret{one.md5};
    if (one.scram.empty())
        return auth::make_scram_verifier(one.password);
    if (auto verifier = auth::parse_scram_verifier(one.scram))
        return *verifier;
    throw std::runtime_error{"users: the SCRAM verifier of \"" + one.name + "\" cannot be read"};
}

/// `max` 0: there is always one.
bool take_place(std::atomic<unsigned>& count, unsigned max) noexcept {
    if (count.fetch_add(1) < max || max == 0)
        return true;
    count.fetch_sub(1);
    return false;
}

}  // namespace

proxy::proxy(const config::snapshot& settings)
    : settings_{settings}, logins_{std::make_unique<logins>(settings.limits.clients)} {
    for (const auto& note : settings_.notes)
        log::info("configuration", {{"note", note}});
    const auto kind = choose_engine(settings_.io);
    control& plane = *this;
    for (unsigned number = 0; number < worker_count(settings_.threads); ++number) {
        auto engine = net::make_engine(kind);
        if (!engine)
            throw std::runtime_error{"cannot start an engine: " + engine.error().message()};
        workers_.push_back(std::make_unique<worker>(number, std::move(*engine), plane));
    }
    set_up_logins();
    for (const auto& database : settings_.databases)  // a TLS file that is missing is told now
        find_pool(database.name);
}

proxy::~proxy() {
    stop();
}

const char* proxy::engine_name() const noexcept {
    return workers_.front()->engine().name();
}

/// Those of the configuration; without any, each database's own upstream user.
void proxy::set_up_logins() {
    for (const auto& user : settings_.users) {
        auto& one = accounts_[user.name];
        one.secret = secret_of(user);
        one.max_clients = user.max_clients;
    }
    if (settings_.users.empty())
        for (const auto& database : settings_.databases) {
            const auto& upstream = database.upstream;
            accounts_[database.name + '\0' + upstream.user].secret =
                auth::make_scram_verifier(upstream.password);
        }
    login_options_.mock_secret = auth::random_octets(32);
    login_options_.mock_md5 =
        std::ranges::any_of(settings_.users, [](const auto& one) { return !one.md5.empty(); });
    login_options_.find_secret =
        [this](const std::string& user,
               const std::string& database) -> std::optional<client_login::secret> {
        const auto* one = find_account(user, database);
        return one ? std::optional{one->secret} : std::nullopt;
    };
    const auto& tls = settings_.client_tls;
    login_options_.tls_available = tls.mode != config::sslmode::disable;
    login_options_.name_in_certificate = tls.mode == config::sslmode::verify_full;
    read_client_tls();
}

proxy::account* proxy::find_account(const std::string& user, const std::string& database) {
    // The password of "*" is one for what "*" serves, and for nothing else.
    const bool configured = std::ranges::any_of(
        settings_.databases, [&](const auto& one) { return one.name == database; });
    const auto key =
        settings_.users.empty() ? (configured ? database : std::string{"*"}) + '\0' + user : user;
    const auto found = accounts_.find(key);
    return found == accounts_.end() ? nullptr : &found->second;
}

void proxy::read_client_tls() {
    if (login_options_.tls_available)
        client_tls_ = std::make_shared<const net::tls_server>(settings_.client_tls);
}

void proxy::reread_certificates() {
    try {
        read_client_tls();
        log::info("certificates read again", {});
    } catch (const std::exception& error) {
        log::error("certificates could not be read again, the old ones are kept",
                   {{"cause", error.what()}});
    }
}

void proxy::start() {
    listeners_ = std::make_unique<listeners>(*this);
    for (auto& one : workers_)
        one->start();
    for (const auto& database : settings_.databases)
        if (database.pool.keep_warm && database.name != "*")
            find_pool(database.name)->tick();
}

void proxy::stop() {
    for (auto& one : workers_)
        one->stop();
}

void proxy::drain(bool at_once, std::function<void()> done) {
    draining_ = true;
    drained_ = std::move(done);
    listeners_->close();
    for (auto& one : workers_)
        one->post([&worker = *one, at_once] { worker.drain(at_once); });
    if (clients_.load() == 0 && drained_)
        asio::post(context_, std::exchange(drained_, nullptr));
}

std::optional<std::string> proxy::count_client(const client_login::authenticated& who,
                                               shared_pool& pool, new_client& out) {
    if (!take_place(clients_, settings_.limits.clients))
        return "sorry, too many clients already";
    auto* one = find_account(who.user, who.database);
    // In PostgreSQL's words for its own limits.
    if (!take_place(one->clients, one->max_clients)) {
        --clients_;
        return "too many connections for role \"" + who.user + '"';
    }
    if (!take_place(pool.clients(), pool.settings().max_clients)) {
        --one->clients;
        --clients_;
        return "too many connections for database \"" + who.database + '"';
    }
    out.of_account = &one->clients;
    return std::nullopt;
}

void proxy::client_gone(shared_pool& pool, std::atomic<unsigned>& of_account) noexcept {
    --pool.clients();
    --of_account;
    if (clients_.fetch_sub(1) != 1)
        return;
    asio::post(context_, [this] {
        if (draining_ && clients_.load() == 0 && drained_)
            std::exchange(drained_, nullptr)();
    });
}

std::vector<shared_pool*> proxy::pools() const {
    const std::lock_guard lock{pools_mutex_};
    std::vector<shared_pool*> all;
    for (const auto& entry : pools_)
        all.push_back(entry->pool.get());
    return all;
}

shared_pool* proxy::find_pool(const std::string& database) {
    if (const auto found = by_database_.find(database); found != by_database_.end())
        return found->second;
    auto settings = settings_.find_database(database);
    if (!settings || pools_.size() >= pools_max)
        return nullptr;

    dispatcher& actor = *this;
    auto entry = std::make_unique<pool_entry>();
    entry->tls = std::make_unique<net::tls_context>(settings->upstream);
    entry->timer = std::make_unique<asio::steady_timer>(context_);
    entry->pool =
        std::make_unique<shared_pool>(static_cast<unsigned>(pools_.size()), std::move(*settings),
                                      static_cast<unsigned>(workers_.size()), actor);
    auto* pool = entry->pool.get();
    const std::lock_guard lock{pools_mutex_};
    pools_.push_back(std::move(entry));
    by_database_[database] = pool;
    return pool;
}

proxy::pool_entry& proxy::entry_of(const shared_pool& pool) {
    const std::lock_guard lock{pools_mutex_};
    return *pools_[pool.index()];
}

void proxy::open_backend(shared_pool& pool) {
    auto& entry = entry_of(pool);
    asio::co_spawn(context_, connect(entry), asio::detached);
}

asio::awaitable<void> proxy::connect(pool_entry& entry) {
    const auto& settings = entry.pool->settings();
    const auto timeout = settings.upstream.connect_timeout.value_or(settings.retry.connect_timeout);
    const bool neon = speaks_as_neon(settings.upstream);
    auto result = co_await connect_backend(settings.upstream, *entry.tls, neon, timeout);
    if (auto* opened = std::get_if<logged_in>(&result))
        connected(entry, std::move(*opened));
    else
        connect_failed(entry, std::get<pool::failure>(result));
}

void proxy::connected(pool_entry& entry, logged_in opened) {
    auto& pool = *entry.pool;
    entry.attempts = 0;
    auto served = pool.opened(opened.parameters);
    if (served.first) {
        log::info(entry.announced ? "pool recreated" : "pool ready",
                  {{"database", pool.settings().name},
                   {"min", pool.settings().pool.min},
                   {"max", pool.settings().pool.max},
                   {"took", opened.took}});
        entry.announced = true;
    }
    for (const auto& login : served.logins)
        serve_login(entry, login.id, nullptr);

    auto values = pool.login_values();
    if (values->values() != session::reported{opened.parameters}.values())
        values = std::make_shared<const session::reported>(opened.parameters);
    auto parts = std::make_unique<backend_parts>(
        backend_parts{std::move(opened), session::backend_state{std::move(values)},
                      std::chrono::steady_clock::now(), ++backends_});
    if (served.waiter)
        return move(pool, std::move(parts), *served.waiter);
    move(pool, std::move(parts), {0, next_worker_++ % static_cast<unsigned>(workers_.size()), {}});
}

void proxy::connect_failed(pool_entry& entry, pool::failure why) {
    auto& pool = *entry.pool;
    ++entry.attempts;
    if (why.sqlstate == "28P01" && why.detail.empty()) {
        // A client that has just logged in here must not look for the fault in itself.
        why.detail = "It was the upstream that refused pgballast's own user and password.";
        why.hint = "Has the password of the upstream been changed?";
    }
    pool.failed(why);
    const auto pause = pool.summarise().next_attempt_in;
    log::warn("connect failed", {{"database", pool.settings().name},
                                 {"attempt", entry.attempts},
                                 {"sqlstate", why.sqlstate},
                                 {"cause", why.message},
                                 {"retrying_in", pause.value_or(std::chrono::milliseconds{0})}});
}

void proxy::move(shared_pool& pool, std::unique_ptr<backend_parts> one,
                 const pool::ledger::grant& to) {
    auto& target = *workers_[to.worker];
    // std::function copies what it holds, so what moves is shared for the journey.
    auto parts = std::make_shared<std::unique_ptr<backend_parts>>(std::move(one));
    target.post([&target, &pool, parts, to] { target.add_backend(pool, std::move(*parts), to); });
}

void proxy::refuse(shared_pool& pool, const pool::ledger::refusal& who) {
    if (who.worker == control_plane) {
        asio::post(context_, [this, &pool, who] { serve_login(entry_of(pool), who.id, &who.why); });
        return;
    }
    log::warn("gave up", {{"database", pool.settings().name},
                          {"attempts", who.attempts},
                          {"sqlstate", who.why.sqlstate},
                          {"cause", who.why.message},
                          {"detail", who.why.detail}});
    auto& target = *workers_[who.worker];
    target.post([&target, &pool, who] { target.refuse(pool, who.id, who.why); });
}

void proxy::notice(shared_pool& pool, const pool::ledger::notice& who) {
    if (who.worker == control_plane) {
        asio::post(context_, [this, &pool, who] {
            auto& waiters = entry_of(pool).waiters;
            if (const auto found = waiters.find(who.id); found != waiters.end())
                found->second.notice(who.text);
        });
        return;
    }
    auto& target = *workers_[who.worker];
    target.post([&target, &pool, who] { target.notice(pool, who.id, who.text); });
}

void proxy::set_timer(shared_pool& pool) {
    asio::post(context_, [this, &pool] {
        const auto when = pool.armed();
        if (!when)
            return;
        auto& timer = *entry_of(pool).timer;
        timer.expires_at(*when);
        timer.async_wait([&pool](boost::system::error_code error) {
            if (!error)
                pool.tick();
        });
    });
}

void proxy::give_idle(shared_pool& pool) {
    for (auto& one : workers_)
        one->post([&worker = *one, &pool] { worker.give_idle(pool); });
}

void proxy::send_cancel(shared_pool& pool, const logged_in& where) {
    asio::post(context_, [this, &pool, remote = where.remote, host = where.host, key = where.key] {
        auto& entry = entry_of(pool);
        asio::co_spawn(context_,
                       ::pgballast::proxy::send_cancel(pool.settings().upstream, *entry.tls, remote,
                                                       host, key),
                       asio::detached);
    });
}

void proxy::when_logged_in(shared_pool& pool, login_waiter who) {
    if (pool.login_values())
        return who.done(nullptr);
    const auto admitted = pool.wait(control_plane, pool::wish::login);
    if (admitted.refused)
        return who.done(&*admitted.refused);
    entry_of(pool).waiters.emplace(admitted.id, std::move(who));
}

void proxy::serve_login(pool_entry& entry, pool::ticket whom, const pool::failure* why) {
    const auto found = entry.waiters.find(whom);
    if (found != entry.waiters.end())
        entry.waiters.extract(found).mapped().done(why);
}

void proxy::add_client(shared_pool& pool, new_client who) {
    const auto number = next_worker_++ % static_cast<unsigned>(workers_.size());
    auto& target = *workers_[number];

    const auto octets = auth::random_octets(8);
    std::uint32_t random = 0;
    std::copy_n(octets.data(), sizeof random, reinterpret_cast<char*>(&random));
    random = (random & 0x7fffffffu & ~(workers_max - 1)) | number;
    who.process_id = static_cast<std::int32_t>(random);
    who.cancel_key = octets.substr(4);

    auto letter = std::make_shared<new_client>(std::move(who));
    target.post([&target, &pool, letter] { target.add_client(pool, std::move(*letter)); });
}

void proxy::cancel(const wire::cancel_request& request) {
    const auto number = static_cast<std::uint32_t>(request.pid) & (workers_max - 1);
    if (number >= workers_.size())
        return;
    auto& target = *workers_[number];
    target.post([&target, request] { target.cancel(request.pid, request.key); });
}

}  // namespace pgballast::proxy
