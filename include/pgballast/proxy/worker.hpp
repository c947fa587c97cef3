// One thread of the data plane: an engine, its clients and its backends.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <memory_resource>
#include <thread>
#include <unordered_map>
#include <vector>

#include "pgballast/net/engine.hpp"
#include "pgballast/pool/before_use.hpp"
#include "pgballast/proxy/backend.hpp"
#include "pgballast/proxy/client.hpp"
#include "pgballast/proxy/mailbox.hpp"
#include "pgballast/proxy/shared_pool.hpp"

namespace pgballast::proxy {

/// A worker's part of a pool.
struct local_pool {
    local_pool(shared_pool& of, pool_counters& own) : shared{of}, counters{own} {}

    shared_pool& shared;
    pool_counters& counters;
    backend_list idle;  // the one used last in front
    backend_list lent;
    backend_list resting;                          // kept by a client that thinks
    backend_list errand;                           // cleaned, probed
    backend_list held;                             // a cancel request may still be on its way
    std::pmr::unsynchronized_pool_resource nodes;  // used again: who waits allocates nothing
    std::pmr::unordered_map<pool::ticket, client*> waiters{&nodes};
    session::statement_registry_ptr statements = std::make_shared<session::statement_registry>();

    /// Clients keep their backends while they think.
    bool associates() const noexcept { return mode() != session::mode::transaction; }

    /// … until somebody else needs them.
    bool shares() const noexcept { return mode() == session::mode::automatic; }
    session::mode mode() const noexcept;
    backend_list& list_of(backend::place where) noexcept;
};

/// What a worker asks of the control plane. Called on the worker's thread.
class control {
 public:
    /// Sends a cancel request to the server process behind a backend.
    virtual void send_cancel(shared_pool& pool, const logged_in& where) = 0;

    /// A backend goes to the worker where somebody waits for it; without one, only
    /// the message goes that it was lost on the way.
    virtual void move(shared_pool& pool, std::unique_ptr<backend_parts> one,
                      const pool::ledger::grant& to) = 0;

    virtual void client_gone(shared_pool& pool, std::atomic<unsigned>& of_account) noexcept = 0;

 protected:
    ~control() = default;
};

class worker {
 public:
    using clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds tick_length{100};

    /// So long a client thinks before its session is looked at, unless it is pressing: one
    /// that goes on at once is not held up.
    static constexpr std::chrono::milliseconds look_delay{5};

    /// Silent links are looked for once a second: it is a system call for each backend.
    static constexpr unsigned ticks_a_look = 10;

    worker(unsigned number, std::unique_ptr<net::engine> engine, control& plane);
    ~worker();

    void start();

    /// From any thread.
    void post(mailbox::letter one);

    /// Ends the thread; clients and backends that are left are closed.
    void stop();

    // All below on the worker's own thread, or posted to it.

    void add_client(shared_pool& pool, new_client who);
    /// `parts` may be null: the backend that `for_whom` was to have is gone.
    void add_backend(shared_pool& pool, std::unique_ptr<backend_parts> parts,
                     const pool::ledger::grant& to);
    void refuse(shared_pool& pool, pool::ticket whom, const pool::failure& why);
    void notice(shared_pool& pool, pool::ticket whom, const std::string& text);
    void give_idle(shared_pool& pool);
    void cancel(std::int32_t process_id, const std::string& key);
    void drain(bool at_once);

    net::engine& engine() noexcept { return *engine_; }
    unsigned number() const noexcept { return number_; }
    clock::time_point now() const noexcept { return now_; }

    // From clients.

    /// An idle backend, or one whose client thinks, that may be used at once; null if there
    /// is none.
    backend* take_free(local_pool& pool);
    pool::ledger::admission wait(client& who);
    void stop_waiting(client& who, pool::ticket ticket);

    /// Whether an idle backend's end can be seen at its socket, before the engine tells.
    bool is_gone(backend& one);

    /// A client that thinks keeps its backend; `pinned`: nobody else can have it. Again when
    /// that changes.
    void rest(backend& one, bool pinned);

    /// … and uses it again.
    void use(backend& one);

    /// Some client's session has to be looked at, if it goes on thinking.
    void expect_look() noexcept { looks_due_ = true; }

    /// A client is done with a backend: cleans it where that is due, then offers it.
    void release(backend& one, bool clean, bool cancel_answered);

    /// Rolls back what the last client left open, then offers it.
    void roll_back(backend& one);

    /// Closes a backend: `discard` of our own accord, `lose` because it has ended.
    void discard(backend& one, const char* why);
    void drop(backend& one, const char* why);  // without Terminate: within a message
    void lose(backend& one, session::loss why);

    void send_cancel(backend& one);
    void remove(client& who);

 private:
    void run();
    void close_all();
    void tick();
    backend* first_usable(local_pool& pool);
    backend* take_associated(local_pool& pool);
    bool usable(backend& one);
    void give_or_keep(backend& one);
    void give_associated(local_pool& pool);
    void look_at_sessions(local_pool& pool);
    void look_at_recent();
    void expire(local_pool& pool);
    void find_silent(local_pool& pool);
    local_pool& local(shared_pool& pool);
    void place(backend& one, backend::place where);
    void remove_from_place(backend& one);
    void mark(backend& one, bool takeable, bool pinned);
    void offer(backend& one);
    void give(backend& one, const pool::ledger::grant& to);
    void grant(local_pool& pool, const pool::ledger::grant& to, backend& one);
    void errand(backend& one, std::string_view text, std::function<void()> then);
    void probe(backend& one);
    void end_quarantine(backend& one);
    void bury(backend& one);
    void move(backend& one, const pool::ledger::grant& to);
    void send_movers();
    pool::before_use check(backend& one);

    const unsigned number_;
    std::unique_ptr<net::engine> engine_;
    control& plane_;
    mailbox letters_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
    clock::time_point now_ = clock::now();
    clock::time_point next_tick_ = now_;
    unsigned ticks_ = 0;
    bool looks_due_ = false;
    clock::time_point next_look_ = now_;
    bool draining_ = false;

    std::vector<std::unique_ptr<local_pool>> pools_;  // by the shared pool's index
    client_list clients_;
    std::unordered_map<std::int32_t, client*> by_process_id_;

    std::vector<std::pair<backend*, pool::ledger::grant>> movers_;

    // Destroyed when the turn is over: their handlers may still be on the stack.
    std::vector<std::unique_ptr<client>> dead_clients_;
    std::vector<std::unique_ptr<backend>> dead_backends_;
};

}  // namespace pgballast::proxy
