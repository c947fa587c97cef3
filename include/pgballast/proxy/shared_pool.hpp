// A pool as all threads see it: the ledger under a mutex, and what it decides
// carried out.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/ledger.hpp"
#include "pgballast/proxy/counters.hpp"
#include "pgballast/proxy/health.hpp"
#include "pgballast/proxy/stories.hpp"
#include "pgballast/session/reported.hpp"
#include "pgballast/session/survey.hpp"

namespace pgballast::proxy {

class shared_pool;

/// The control plane, in the place of a worker's number: where first logins wait.
inline constexpr unsigned control_plane = ~0u;

/// Whom a pool asks to act. Called without the pool's lock, on any thread.
class dispatcher {
 public:
    virtual void open_backend(shared_pool& pool) = 0;
    virtual void refuse(shared_pool& pool, const pool::ledger::refusal& who) = 0;
    virtual void notice(shared_pool& pool, const pool::ledger::notice& who) = 0;
    virtual void set_timer(shared_pool& pool) = 0;  // to `armed()`, which has become earlier

    /// Somebody waits while some worker may have an idle backend, or one whose client thinks:
    /// it should be given.
    virtual void give_idle(shared_pool& pool) = 0;

 protected:
    ~dispatcher() = default;
};

class shared_pool {
 public:
    shared_pool(unsigned index, config::database settings, unsigned workers, dispatcher& actor);

    unsigned index() const noexcept { return index_; }
    const config::database& settings() const noexcept { return settings_; }

    /// See `pool::ledger`. `worker` is who asks.
    pool::ledger::admission wait(unsigned worker, pool::wish what);
    void leave(pool::ticket id);

    /// A request waits for a backend somewhere: whoever has a free one asks `oldest`
    /// before keeping it. See `keep_idle` for the order that counts.
    bool somebody_waits() const noexcept { return waiting_.load() != 0; }
    std::optional<pool::ledger::grant> oldest();

    /// A worker keeps an idle backend, or has taken one. A waiter raises its flag and
    /// then looks here, a worker counts here and then looks for the flag: one of the
    /// two sees the other.
    void keep_idle() noexcept { idle_.fetch_add(1); }
    void take_idle() noexcept { idle_.fetch_sub(1); }

    /// Backends that a client keeps while it thinks, and that could be taken from it; and
    /// those that are being cleaned or probed, and will be free.
    void keep_associated() noexcept { associated_.fetch_add(1); }
    void take_associated() noexcept { associated_.fetch_sub(1); }
    void begin_errand() noexcept { errands_.fetch_add(1); }
    void end_errand() noexcept { errands_.fetch_sub(1); }

    /// More wait, `more` of them about to, than there are backends coming, and no other can be
    /// opened: clients that think have to give theirs up.
    bool contended(unsigned more = 0) const noexcept {
        return !room_.load() &&
               waiting_.load() + more > connecting_.load() + idle_.load() + errands_.load();
    }

    /// The compute sleeps, as far as is known, and nobody has asked for it yet.
    bool asleep() const noexcept { return asleep_.load(std::memory_order_relaxed); }

    /// What became of clients whose backend was lost.
    proxy::stories& stories() noexcept { return stories_; }
    const proxy::stories& stories() const noexcept { return stories_; }

    /// What all its sessions know together.
    const session::database_ptr& database() const noexcept { return database_; }

    /// A worker has none left to give while somebody waits. Those it had may have been
    /// counted on, so that none was opened: that is judged anew.
    void nothing_to_give();

    /// A connection attempt ended. `opened` returns who is served by that.
    struct opening {
        std::vector<pool::ledger::grant> logins;
        std::optional<pool::ledger::grant> waiter;
        bool first;  // the pool had no backend before
    };
    opening opened(const session::reported::value_list& reported);
    void failed(const pool::failure& why);
    void closed(bool by_server);

    /// When `tick` is to be called, at the latest; empty: not at all.
    std::optional<pool::time_point> armed() const;
    void tick();

    /// How many clients it has. Atomic.
    std::atomic<unsigned>& clients() noexcept { return clients_; }

    /// What the upstream reported at the last login; null before the first. With it
    /// clients are welcomed while the compute sleeps.
    session::reported_ptr login_values() const;

    pool_counters& counters(unsigned worker) noexcept { return counters_[worker]; }
    const pool_counters& counters(unsigned worker) const noexcept { return counters_[worker]; }
    unsigned workers() const noexcept { return static_cast<unsigned>(counters_.size()); }

    struct summary {
        unsigned open;
        unsigned connecting;
        unsigned waiting;
        health state;
        pool::breaker::state breaker;
        std::optional<pool::failure> last_failure;
        std::optional<std::chrono::milliseconds> next_attempt_in;
        std::optional<pool::time_point> last_opened;
        std::uint64_t opened;  // connections that came up since start
        std::uint64_t failed;  // attempts that failed since start
    };
    summary summarise() const;

 private:
    template <typename Change>
    auto change(Change&& how, unsigned* idle = nullptr);
    void publish() noexcept;
    void carry_out(pool::ledger::decisions what);
    health state(pool::time_point now) const;
    void watch_breaker();

    const unsigned index_;
    const config::database settings_;
    dispatcher& actor_;
    std::vector<pool_counters> counters_;  // one of each worker
    proxy::stories stories_;

    mutable std::mutex mutex_;
    pool::ledger ledger_;
    session::reported_ptr login_values_;
    std::optional<pool::time_point> last_opened_;
    std::optional<pool::time_point> last_failed_;
    std::uint64_t opened_ = 0;
    std::uint64_t failed_ = 0;
    std::optional<pool::time_point> armed_;  // when `tick` will be called, at the latest
    pool::breaker::state breaker_seen_ = pool::breaker::state::closed;

    std::atomic<unsigned> waiting_{0};
    std::atomic<unsigned> connecting_{0};
    std::atomic<bool> room_{true};
    std::atomic<bool> asleep_{false};
    std::atomic<unsigned> idle_{0};
    std::atomic<unsigned> associated_{0};
    std::atomic<unsigned> errands_{0};
    const session::database_ptr database_ = std::make_shared<session::database>();
    std::atomic<unsigned> clients_{0};
};

}  // namespace pgballast::proxy
