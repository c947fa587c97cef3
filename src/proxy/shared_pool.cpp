#include "pgballast/proxy/shared_pool.hpp"

#include <random>
#include <utility>

#include "pgballast/proxy/log.hpp"

namespace pgballast::proxy {
namespace {

pool::time_point now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

shared_pool::shared_pool(unsigned index, config::database settings, unsigned workers,
                         dispatcher& actor)
    : index_{index},
      settings_{std::move(settings)},
      actor_{actor},
      counters_(workers),
      ledger_{settings_, std::random_device{}()} {}

/// Changes the ledger under the lock, then carries out what it decides. `idle` tells how
/// many idle backends it has counted on.
template <typename Change>
auto shared_pool::change(Change&& how, unsigned* idle) {
    std::unique_lock lock{mutex_};
    const bool was_contended = contended();
    auto result = how();
    // Raised before it is looked who is idle: see `keep_idle`.
    waiting_.store(ledger_.waiting());
    const unsigned to_give = idle_.load();
    if (idle)
        *idle = to_give;
    auto decisions = ledger_.decide(now(), to_give);
    publish();
    const bool give = !was_contended && contended() && associated_.load() > 0;
    // Most changes move the next deadline further away: the timer that is set will do.
    if (decisions.wakeup && armed_ && *armed_ <= *decisions.wakeup)
        decisions.wakeup.reset();
    if (decisions.wakeup)
        armed_ = decisions.wakeup;
    watch_breaker();
    lock.unlock();
    carry_out(std::move(decisions));
    if (give)
        actor_.give_idle(*this);
    return result;
}

/// What those without the lock ask for. Less those who have just been refused.
void shared_pool::publish() noexcept {
    asleep_.store(state(now()) == health::asleep, std::memory_order_relaxed);
    connecting_.store(ledger_.connecting());
    room_.store(ledger_.has_room());
    waiting_.store(ledger_.waiting());
}

void shared_pool::carry_out(pool::ledger::decisions what) {
    for (unsigned attempt = 0; attempt < what.open; ++attempt)
        actor_.open_backend(*this);
    for (const auto& who : what.refused)
        actor_.refuse(*this, who);
    for (const auto& who : what.notices)
        actor_.notice(*this, who);
    if (what.wakeup)
        actor_.set_timer(*this);
}

pool::ledger::admission shared_pool::wait(unsigned worker, pool::wish what) {
    unsigned idle = 0;
    auto admitted = change([&] { return ledger_.wait(worker, what, now()); }, &idle);
    const bool to_give = idle > 0 || (contended() && associated_.load() > 0);
    if (!admitted.refused && to_give && what == pool::wish::backend)
        actor_.give_idle(*this);
    return admitted;
}

void shared_pool::nothing_to_give() {
    change([] { return true; });
}

void shared_pool::leave(pool::ticket id) {
    change([&] {
        ledger_.leave(id);
        return true;
    });
}

std::optional<pool::ledger::grant> shared_pool::oldest() {
    return change([&] { return ledger_.oldest(now()); });
}

shared_pool::opening shared_pool::opened(const session::reported::value_list& reported) {
    return change([&] {
        opening result;
        result.first = ledger_.open_count() == 0;
        result.logins = ledger_.opened(now());
        result.waiter = ledger_.oldest(now());
        last_opened_ = now();
        ++opened_;
        // One set for all backends that report the same: sessions compare pointers.
        if (!login_values_ || login_values_->values() != session::reported{reported}.values())
            login_values_ = std::make_shared<const session::reported>(reported);
        return result;
    });
}

void shared_pool::failed(const pool::failure& why) {
    change([&] {
        ledger_.failed(why, now());
        last_failed_ = now();
        ++failed_;
        return true;
    });
}

void shared_pool::closed(bool by_server) {
    change([&] {
        ledger_.closed(by_server, now());
        return true;
    });
}

std::optional<pool::time_point> shared_pool::armed() const {
    const std::lock_guard lock{mutex_};
    return armed_;
}

void shared_pool::tick() {
    change([this] {
        armed_.reset();
        return true;
    });
}

void shared_pool::watch_breaker() {
    const auto state = ledger_.breaker_state(now());
    if (state == std::exchange(breaker_seen_, state))
        return;
    constexpr const char* words[] = {"breaker closed", "breaker opened", "breaker half open"};
    log::warn(words[static_cast<int>(state)], {{"database", settings_.name}});
}

session::reported_ptr shared_pool::login_values() const {
    const std::lock_guard lock{mutex_};
    return login_values_;
}

health shared_pool::state(pool::time_point at) const {
    if (ledger_.open_count() > 0)
        return health::up;
    if (ledger_.breaker_state(at) != pool::breaker::state::closed)
        return health::down;
    if (ledger_.connecting() > 0 || ledger_.waiting() > 0)
        return last_failed_ && last_failed_ > last_opened_ ? health::down : health::waking;
    // Nobody asks: it may sleep, and is left alone. Down only if the last word was bad.
    if (last_failed_ && last_failed_ > last_opened_)
        return health::down;
    return last_opened_ ? health::asleep : health::unknown;
}

shared_pool::summary shared_pool::summarise() const {
    const std::lock_guard lock{mutex_};
    const auto at = now();
    std::optional<std::chrono::milliseconds> pause;
    if (const auto next = ledger_.next_attempt(); next > at)
        pause = std::chrono::duration_cast<std::chrono::milliseconds>(next - at);
    return {ledger_.open_count(),
            ledger_.connecting(),
            ledger_.waiting(),
            state(at),
            ledger_.breaker_state(at),
            ledger_.last_failure(),
            pause,
            last_opened_,
            opened_,
            failed_};
}

}  // namespace pgballast::proxy
