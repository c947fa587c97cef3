#include "pgballast/pool/ledger.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "pgballast/pool/refusals.hpp"

namespace pgballast::pool {
namespace {

using std::chrono::milliseconds;

// Callers read the clock before they take the lock, so times may be a little out of
// order: nobody has waited for less than nothing.
milliseconds waited(const waiter& who, time_point now) {
    return std::max(std::chrono::duration_cast<milliseconds>(now - who.since),
                    milliseconds::zero());
}

ledger::grant serve(line& from, const waiter& who, time_point now) {
    from.leave(who.id);
    return {who.id, who.worker, waited(who, now)};
}

unsigned missing(unsigned wanted, unsigned have) {
    return wanted > have ? wanted - have : 0;
}

}  // namespace

ledger::ledger(const config::database& settings, std::uint32_t jitter_seed)
    : pool_(settings.pool),
      retry_(settings.retry),
      breaker_settings_(settings.breaker),
      pace_(settings.retry, jitter_seed),
      breaker_(settings.breaker) {
    assert(pool_.max > 0);
    if (pool_.keep_warm)
        refill_from_ = time_point::min();
}

ledger::admission ledger::wait(unsigned worker, wish what, time_point now) {
    // Half open, one is let in to try, if nobody is there who does.
    const auto state = breaker_.at(now);
    const bool may_probe = state == breaker::state::half_open && nobody_waits() && connecting_ == 0;
    if (state != breaker::state::closed && !may_probe)
        return {0, refuse_by_breaker(breaker_settings_.open_for,
                                     last_failure_ ? &*last_failure_ : nullptr)};

    if (nobody_waits())
        pace_.start_series();
    last_arrival_ = std::max(last_arrival_, now);
    auto& queue = what == wish::backend ? backends_ : logins_;
    queue.join({++last_ticket_, worker, last_arrival_});
    return {last_ticket_, std::nullopt};
}

void ledger::leave(ticket id) {
    backends_.leave(id) || logins_.leave(id);
}

std::optional<ledger::grant> ledger::oldest(time_point now) {
    const auto first = backends_.front();
    if (!first)
        return std::nullopt;
    breaker_.succeeded();
    return serve(backends_, *first, now);
}

std::vector<ledger::grant> ledger::opened(time_point now) {
    assert(connecting_ > 0);
    --connecting_;
    ++open_;
    pace_.succeeded();
    breaker_.succeeded();
    verdicts_.clear();  // of attempts that have been overtaken
    prober_.reset();
    refill_from_ = now;

    std::vector<grant> served;
    served.reserve(logins_.size());
    while (const auto first = logins_.front())
        served.push_back(serve(logins_, *first, now));
    return served;
}

void ledger::failed(const failure& why, time_point now) {
    assert(connecting_ > 0);
    --connecting_;
    last_failure_ = why;
    pace_.failed(why.kind, connecting_, now);

    refill_from_.reset();
    if (pool_.keep_warm)
        refill_from_ = after(now, retry_.max_delay);

    pass_verdict(why, now);
    if (breaker_.at(now) == breaker::state::half_open)
        breaker_.probe_failed(now);
    prober_.reset();
}

void ledger::closed(bool by_server, time_point) {
    assert(open_ > 0);
    --open_;
    // A server that closes one backend is often about to close them all; and with the
    // last one gone, nothing tells any longer whether the compute is awake.
    if (by_server || open_ == 0)
        pace_.doubt();
    if (!pool_.keep_warm)
        refill_from_.reset();
}

ledger::decisions ledger::decide(time_point now, unsigned idle) {
    decisions out;
    carry_out_verdicts(out, now);
    for (auto* queue : {&backends_, &logins_}) {
        refuse_expired(*queue, out, now);
        notify(*queue, out, now);
    }
    start_attempts(out, idle, now);

    assert(open_ + connecting_ <= pool_.max);
    assert(pace_.proven() <= (breaker_.at(now) == breaker::state::closed));
    return out;
}

unsigned ledger::waiting() const noexcept {
    return static_cast<unsigned>(backends_.size());
}

std::optional<waiter> ledger::first_waiter() const {
    const auto backend = backends_.front();
    const auto login = logins_.front();
    if (!backend || !login)
        return backend ? backend : login;
    return backend->id < login->id ? backend : login;
}

void ledger::pass_verdict(const failure& why, time_point now) {
    if (why.kind == failure_kind::permanent) {
        verdicts_.push_back({0, last_ticket_, why, false});
        return;
    }
    if (retry_.attempts > 0 && pace_.failures() >= retry_.attempts) {
        verdicts_.push_back({0, last_ticket_, refuse_after_attempts(pace_.failures(), why), true});
        return;
    }
    if (prober_ && breaker_.at(now) == breaker::state::half_open)
        verdicts_.push_back(
            {*prober_, *prober_, refuse_by_breaker(breaker_settings_.open_for, &why), true});
}

void ledger::carry_out_verdicts(decisions& out, time_point now) {
    for (const auto& passed : std::exchange(verdicts_, {})) {
        for (auto* queue : {&backends_, &logins_}) {
            while (const auto who = queue->from(passed.first)) {
                if (who->id > passed.last)
                    break;
                refuse(*queue, *who, passed.why, out);
                if (passed.in_vain)
                    breaker_.gave_up(now);
            }
        }
    }
}

void ledger::refuse(line& from, const waiter& who, const failure& why, decisions& out) {
    from.leave(who.id);
    out.refused.push_back({who.id, who.worker, why, pace_.failures()});
}

void ledger::refuse_expired(line& from, decisions& out, time_point now) {
    while (const auto first = from.front()) {
        const auto deadline = after(first->since, retry_.wait_timeout);
        if (now < deadline)
            return wake_at(out.wakeup, deadline);

        refuse(from, *first, why_expired(), out);
        // A pool that is merely too small says nothing about the upstream.
        if (!exhausted())
            breaker_.gave_up(now);
    }
}

void ledger::notify(line& whom, decisions& out, time_point now) const {
    while (const auto first = whom.untold()) {
        const auto due = after(first->since, notice_after);
        if (now < due)
            return wake_at(out.wakeup, due);

        whom.told(*first);
        const auto so_far = waited(*first, now);
        out.notices.push_back(
            {first->id, first->worker, so_far, notice_of_wait(so_far, exhausted())});
    }
}

void ledger::start_attempts(decisions& out, unsigned idle, time_point now) {
    const auto from = std::max(pace_.next(), breaker_.attempts_from());
    start(wanted_by_waiters(idle), from, out, now);

    const auto state = breaker_.at(now);
    if (state == breaker::state::half_open && out.open > 0)
        prober_ = first_waiter()->id;
    if (state == breaker::state::closed && refill_from_)
        start(wanted_by_min(), std::max(from, *refill_from_), out, now);
}

void ledger::start(unsigned wanted, time_point from, decisions& out, time_point now) {
    const auto count = std::min(wanted, room());
    if (count == 0)
        return;
    if (now < from)
        return wake_at(out.wakeup, from);
    connecting_ += count;
    out.open += count;
}

unsigned ledger::room() const noexcept {
    return std::min(pool_.max - open_ - connecting_, pace_.allowance(connecting_));
}

unsigned ledger::wanted_by_waiters(unsigned idle) const noexcept {
    // One success answers all logins.
    const unsigned for_logins = logins_.empty() ? 0 : 1;
    return missing(std::max(missing(waiting(), idle), for_logins), connecting_);
}

unsigned ledger::wanted_by_min() const noexcept {
    return missing(pool_.min, open_ + connecting_);
}

bool ledger::exhausted() const noexcept {
    return open_ > 0 && !pace_.failing();
}

failure ledger::why_expired() const {
    if (exhausted())
        return refuse_exhausted(retry_.wait_timeout, open_);
    if (pace_.failing())
        return refuse_unavailable(retry_.wait_timeout, *last_failure_);
    return refuse_unanswered(retry_.wait_timeout);
}

}  // namespace pgballast::pool
