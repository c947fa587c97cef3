// All of it together: the control plane's thread, the workers, the pools.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "pgballast/config/settings.hpp"
#include "pgballast/net/tls_context.hpp"
#include "pgballast/net/tls_server.hpp"
#include "pgballast/proxy/login/client_login.hpp"
#include "pgballast/proxy/shared_pool.hpp"
#include "pgballast/proxy/worker.hpp"

namespace pgballast::proxy {

class logins;

class proxy final : private dispatcher, private control {
 public:
    /// Makes workers and pools. Throws `std::runtime_error` in words for people, where
    /// io_uring was asked for and cannot be had, or a TLS file cannot be read.
    explicit proxy(const config::snapshot& settings);
    ~proxy();

    /// Listens and starts the workers. The control plane runs wherever `context` is run.
    /// Throws `std::runtime_error` where an address cannot be listened on.
    void start();

    /// No new clients; those with nothing under way are closed now, the others when
    /// they are done. `done` is called on the control plane when nobody is left.
    void drain(bool at_once, std::function<void()> done);

    /// Reads the files of client_tls anew, for the logins to come; where that fails the
    /// old ones are kept, and the log says why. On the control plane.
    void reread_certificates();

    /// Ends the workers. The control plane must not run any more.
    void stop();

    boost::asio::io_context& context() noexcept { return context_; }
    const config::snapshot& settings() const noexcept { return settings_; }
    const char* engine_name() const noexcept;
    unsigned clients() const noexcept { return clients_.load(); }
    std::size_t workers() const noexcept { return workers_.size(); }

    /// Listens, and does not drain. On the control plane.
    bool accepts_clients() const noexcept { return listeners_ && !draining_; }

    /// Pools made so far; they stay until the end. From any thread.
    std::vector<shared_pool*> pools() const;

    // For the coroutines that let clients in (login/let_in.cpp).

    /// The pool of a database clients may ask for; null where there is none. On the
    /// control plane.
    shared_pool* find_pool(const std::string& database);

    const client_login::options& login_options() const noexcept { return login_options_; }

    /// Null where clients are served in the clear only. Replaced when it is read again.
    const std::shared_ptr<const net::tls_server>& client_tls() const noexcept {
        return client_tls_;
    }

    logins& pending_logins() noexcept { return *logins_; }

    /// Takes a place for a client, to be given back by `client_gone`. Returned: which
    /// limit is reached, in words. It counts from when it has proved who it is; before that
    /// it is a login, so that cancel requests come through whatever the limit.
    std::optional<std::string> count_client(const client_login::authenticated& who,
                                            shared_pool& pool, new_client& out);
    void client_gone(shared_pool& pool, std::atomic<unsigned>& of_account) noexcept override;

    /// Waits for the first login of a pool; `done` is told on the control plane why it
    /// failed, or nothing. `notice` may be called before.
    struct login_waiter {
        std::function<void(const pool::failure*)> done;
        std::function<void(const std::string& text)> notice;
    };
    void when_logged_in(shared_pool& pool, login_waiter who);

    void add_client(shared_pool& pool, new_client who);
    void cancel(const wire::cancel_request& request);

 private:
    struct pool_entry {
        std::unique_ptr<shared_pool> pool;
        std::unique_ptr<net::tls_context> tls;
        std::unique_ptr<boost::asio::steady_timer> timer;
        std::unordered_map<pool::ticket, login_waiter> waiters;
        unsigned attempts = 0;  // that have failed since the last success
        bool announced = false;
    };

    // dispatcher
    void open_backend(shared_pool& pool) override;
    void refuse(shared_pool& pool, const pool::ledger::refusal& who) override;
    void notice(shared_pool& pool, const pool::ledger::notice& who) override;
    void set_timer(shared_pool& pool) override;
    void give_idle(shared_pool& pool) override;

    // control
    void send_cancel(shared_pool& pool, const logged_in& where) override;
    void move(shared_pool& pool, std::unique_ptr<backend_parts> one,
              const pool::ledger::grant& to) override;

    boost::asio::awaitable<void> connect(pool_entry& entry);
    void connected(pool_entry& entry, logged_in opened);
    void connect_failed(pool_entry& entry, pool::failure why);
    void serve_login(pool_entry& entry, pool::ticket whom, const pool::failure* why);
    void set_up_logins();
    void read_client_tls();
    pool_entry& entry_of(const shared_pool& pool);

    const config::snapshot settings_;
    std::unique_ptr<logins> logins_;  // outlives the context's coroutines, which are in it
    boost::asio::io_context context_{1};
    std::vector<std::unique_ptr<worker>> workers_;
    unsigned next_worker_ = 0;
    std::uint64_t backends_ = 0;
    client_login::options login_options_;

    /// Somebody who may log in.
    struct account {
        client_login::secret secret;
        unsigned max_clients = 0;
        std::atomic<unsigned> clients{0};
    };
    account* find_account(const std::string& user, const std::string& database);
    std::unordered_map<std::string, account> accounts_;  // by user, or database and user
    std::shared_ptr<const net::tls_server> client_tls_;

    mutable std::mutex pools_mutex_;  // pools are made on the control plane only
    std::vector<std::unique_ptr<pool_entry>> pools_;
    std::unordered_map<std::string, shared_pool*> by_database_;

    class listeners;
    std::unique_ptr<listeners> listeners_;
    std::atomic<unsigned> clients_{0};
    bool draining_ = false;
    std::function<void()> drained_;
};

}  // namespace pgballast::proxy
