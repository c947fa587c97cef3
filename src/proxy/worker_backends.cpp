// A worker's backends: where each of them is, and what becomes of it.
#include <utility>

#include "pgballast/net/socket_state.hpp"
#include "pgballast/pool/keepalive.hpp"
#include "pgballast/pool/lifetime.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/proxy/worker.hpp"
#include "pgballast/wire/messages.hpp"

namespace pgballast::proxy {
namespace {

using std::chrono::milliseconds;

/// How long a query of our own may take before its backend counts as dead.
constexpr std::chrono::seconds errand_max{5};

/// How long a backend is held back after a cancel request has been answered.
constexpr std::chrono::seconds cancel_grace{1};

milliseconds since(backend::clock::time_point then) {
    return std::chrono::duration_cast<milliseconds>(backend::clock::now() - then);
}

counter& counter_of(local_pool& pool, backend::place where) {
    switch (where) {
        case backend::place::idle:
            return pool.counters.idle;
        case backend::place::lent:
        case backend::place::resting:
            return pool.counters.lent;
        default:
            return pool.counters.errand;
    }
}

}  // namespace

void worker::add_backend(shared_pool& pool, std::unique_ptr<backend_parts> parts,
                         const pool::ledger::grant& to) {
    auto& mine = local(pool);
    if (!parts) {
        const auto found = mine.waiters.find(to.id);
        if (found != mine.waiters.end())
            mine.waiters.extract(found).mapped()->granted_nothing();
        return;
    }
    auto* one = new backend{*this, mine, std::move(*parts)};
    const auto early = std::exchange(one->early(), {});
    one->where = backend::place::errand;
    one->since = now_;
    mine.errand.push_front(*one);
    mine.counters.errand.add();
    pool.begin_errand();
    one->on_unasked(early);
    if (!one->is_linked()) {  // those were its last words
        add_backend(pool, nullptr, to);
        return;
    }
    if (to.id != 0)
        grant(mine, to, *one);
    else
        offer(*one);
}

void worker::place(backend& one, backend::place where) {
    auto& pool = one.pool();
    remove_from_place(one);
    one.where = where;
    one.since = clock::now();
    pool.list_of(where).push_front(one);
    counter_of(pool, where).add();
    one.socket().set_parked(where == backend::place::idle || where == backend::place::resting);
    if (where == backend::place::idle)
        pool.shared.keep_idle();
    if (where == backend::place::errand)
        pool.shared.begin_errand();
}

void worker::remove_from_place(backend& one) {
    auto& pool = one.pool();
    auto& from = pool.list_of(one.where);
    from.erase(from.iterator_to(one));
    counter_of(pool, one.where).sub();
    if (one.where == backend::place::idle)
        pool.shared.take_idle();
    if (one.where == backend::place::errand)
        pool.shared.end_errand();
    mark(one, false, false);
}

/// Counts a backend that rests as one to be had, or as one that is pinned.
void worker::mark(backend& one, bool takeable, bool pinned) {
    auto& pool = one.pool();
    if (takeable && !one.takeable)
        pool.shared.keep_associated();
    if (!takeable && one.takeable)
        pool.shared.take_associated();
    if (pinned && !one.pinned)
        pool.counters.pinned.add();
    if (!pinned && one.pinned)
        pool.counters.pinned.sub();
    one.takeable = takeable;
    one.pinned = pinned;
}

void worker::rest(backend& one, bool pinned) {
    if (one.where != backend::place::resting)
        place(one, backend::place::resting);
    mark(one, !pinned, pinned);
}

void worker::use(backend& one) {
    place(one, backend::place::lent);
}

/// Those who wait come first: while there are any, nobody takes one that is free.
backend* worker::take_free(local_pool& pool) {
    if (pool.shared.somebody_waits())
        return nullptr;
    if (auto* one = first_usable(pool))
        return one;
    return pool.shares() && pool.shared.contended(1) ? take_associated(pool) : nullptr;
}

backend* worker::first_usable(local_pool& pool) {
    while (!pool.idle.empty()) {
        auto& one = pool.idle.front();
        if (usable(one))
            return &one;
        if (one.where == backend::place::errand && one.is_linked())
            return nullptr;  // it is being probed: whoever asks waits for that
    }
    return nullptr;
}

/// Takes the backend whose client has thought longest, and can be carried to another one.
backend* worker::take_associated(local_pool& pool) {
    auto at = pool.resting.end();
    while (at != pool.resting.begin()) {
        auto& one = *--at;
        const bool cancel_answered = one.user()->cancel_answered();
        if (!one.takeable || !one.user()->yields())
            continue;
        at = std::next(at);  // `one` leaves the list
        if (one.cancels_sent != 0)
            release(one, false, cancel_answered);
        else if (usable(one))
            return &one;
    }
    return nullptr;
}

/// Whether a backend can serve now: then it is lent. Else it is being probed, or lost.
bool worker::usable(backend& one) {
    switch (check(one)) {
        case pool::before_use::use:
            place(one, backend::place::lent);
            return true;
        case pool::before_use::probe:
            probe(one);
            return false;
        case pool::before_use::discard:
            break;
    }
    log::info("backend found closed, replaced", {{"database", one.pool().shared.settings().name}});
    lose(one, {{}, "found closed before use"});
    return false;
}

/// Those whose clients have begun to think a moment ago; `tick` looks after all others.
void worker::look_at_recent() {
    next_look_ = now_ + look_delay;
    looks_due_ = false;
    for (auto& pool : pools_)
        if (pool)
            for (auto& one : pool->resting) {  // the latest in front
                const auto age = now_ - one.since;
                if (age > 2 * tick_length)
                    break;
                if (age >= look_delay)
                    one.user()->look();
                else
                    looks_due_ = true;
            }
}

/// In its client's think time it is found out whether its session could be carried over; at
/// once where somebody waits for a backend.
void worker::look_at_sessions(local_pool& pool) {
    const bool at_once = pool.shares() && pool.shared.contended();
    for (auto at = pool.resting.rbegin(); at != pool.resting.rend(); ++at)
        if (at_once || now_ - at->since >= tick_length)
            at->user()->look();
}

pool::before_use worker::check(backend& one) {
    const auto idle_for = since(one.since);
    const int fd = one.socket().fd();
    auto seen = pool::peek::unknown;
    if (pool::needs_peek(idle_for)) {
        constexpr pool::peek meaning[] = {pool::peek::quiet, pool::peek::data, pool::peek::end};
        seen = meaning[static_cast<int>(net::peek(fd))];
        // Under TLS it may be a ticket, or a server's last words: a round trip will tell.
        if (seen == pool::peek::data && one.socket().is_tls())
            return pool::before_use::probe;
    }
    const auto check_after = one.pool().shared.settings().health.check_after;
    std::optional<milliseconds> ack_age;
    if (idle_for > check_after)  // a Unix socket has no peer that could be silent
        ack_age = net::last_ack_age(fd).value_or(milliseconds{0});
    return pool::check_before_use(idle_for, seen, ack_age, check_after);
}

bool worker::is_gone(backend& one) {
    return pool::needs_peek(since(one.since)) && net::peek(one.socket().fd()) == net::readable::end;
}

void worker::release(backend& one, bool clean, bool cancel_answered) {
    if (one.cancels_sent != 0) {
        // The request is known to have arrived only when it was the one, and answered.
        if (one.cancels_sent == 1 && cancel_answered)
            place(one, backend::place::held);
        else
            discard(one, "a cancel request may still be on its way to it");
        return;
    }
    if (clean)
        return errand(one, "discard all", [this, &one] {
            one.state().applied = nullptr;
            one.state().tenancy = 0;
            one.state().holds_sql_statements = false;
            one.state().statements->clear();
            offer(one);
        });
    if (!one.pool().shares() && session::changed_identity(one.state()))
        return discard(one, "its session authorization was changed");
    offer(one);
}

void worker::roll_back(backend& one) {
    errand(one, "rollback", [this, &one] { release(one, one.pool().associates(), false); });
}

void worker::offer(backend& one) {
    auto& pool = one.pool();
    const auto& settings = pool.shared.settings().pool;
    if (draining_)
        return discard(one, "pgballast is shutting down");
    if (settings.max_lifetime > milliseconds::zero() &&
        since(one.opened_at()) >= pool::lifetime_of(settings.max_lifetime, one.number()))
        return discard(one, "max_lifetime");
    if (pool.shared.somebody_waits())
        if (const auto to = pool.shared.oldest())
            return give(one, *to);
    place(one, backend::place::idle);
    if (pool.shared.somebody_waits())  // since then: see shared_pool::keep_idle
        give_idle(pool.shared);
}

void worker::errand(backend& one, std::string_view text, std::function<void()> then) {
    place(one, backend::place::errand);
    one.run_errand(text, [this, &one, then = std::move(then)](bool ok) {
        if (ok)
            then();
        else
            discard(one, "a query of our own failed on it");
    });
}

/// A round trip, before an idle backend is lent.
void worker::probe(backend& one) {
    errand(one, "", [this, &one] { offer(one); });
}

/// The grace period after an answered cancel is over: what else was on its way has come.
void worker::end_quarantine(backend& one) {
    errand(one, "", [this, &one] {
        one.cancels_sent = 0;
        release(one, one.pool().associates(), false);
    });
}

/// The backend leaves when the turn is over: its own data, perhaps in the middle of
/// being decrypted, may be what has set it free. It is as good as lent: nobody else may count
/// on it.
void worker::move(backend& one, const pool::ledger::grant& to) {
    place(one, backend::place::lent);
    movers_.emplace_back(&one, to);
}

void worker::send_movers() {
    for (const auto& [one, to] : std::exchange(movers_, {})) {
        auto& pool = one->pool().shared;
        if (!one->is_linked()) {  // lost meanwhile
            plane_.move(pool, nullptr, to);
            continue;
        }
        auto parts = std::make_shared<std::unique_ptr<backend_parts>>(
            std::make_unique<backend_parts>(one->take_parts()));
        one->socket().detach([this, &pool, parts, to = to](net::engine::detached socket,
                                                           std::unique_ptr<net::tls_filter> tls) {
            (*parts)->login.fd = socket.fd;
            (*parts)->login.tls = std::move(tls);
            if (socket.ended || !socket.early.empty()) {
                parts->reset();
                pool.closed(true);
            }
            plane_.move(pool, std::move(*parts), to);
        });
        bury(*one);
    }
}

void worker::discard(backend& one, const char* why) {
    std::string goodbye;
    wire::append_terminate(goodbye);
    one.socket().send(goodbye);
    drop(one, why);
}

void worker::drop(backend& one, const char* why) {
    auto& pool = one.pool();
    log::debug("backend closed", {{"database", pool.shared.settings().name}, {"why", why}});
    one.socket().close_when_sent();
    auto* user = one.user();
    one.take_back();
    bury(one);
    pool.shared.closed(false);
    if (user)
        user->on_backend_lost({{}, why});
}

void worker::lose(backend& one, session::loss why) {
    if (!one.is_linked())
        return;
    auto& pool = one.pool();
    pool.counters.backends_lost.add();
    log::info("backend lost", {{"database", pool.shared.settings().name},
                               {"while", one.user() && one.user()->busy() ? "in use" : "idle"},
                               {"sqlstate", why.sqlstate},
                               {"cause", why.message}});
    auto* user = one.user();
    one.take_back();
    const bool nothing_written = one.socket().nothing_written();
    one.socket().close();
    bury(one);
    pool.shared.closed(true);
    if (pool.shared.summarise().open == 0)
        log::info("pool stale, recreating when a client needs it",
                  {{"database", pool.shared.settings().name}});
    if (user)
        user->on_backend_lost(std::move(why), nothing_written);
    else
        pool.counters.losses_hidden.add();
}

void worker::bury(backend& one) {
    remove_from_place(one);
    dead_backends_.emplace_back(&one);
}

/// Those that are idle, keepalive looks after.
void worker::find_silent(local_pool& pool) {
    std::vector<backend*> silent;  // losing one may change the lists
    for (auto* list : {&pool.lent, &pool.resting, &pool.errand})
        for (auto& one : *list)
            if (net::unanswered_for(one.socket().fd()) > pool::keepalive::unanswered_max)
                silent.push_back(&one);
    for (auto* one : silent)
        lose(*one, {{}, std::make_error_code(std::errc::timed_out).message()});
}

/// Lists are ordered by time, the newest in front.
void worker::expire(local_pool& pool) {
    while (!pool.errand.empty() && since(pool.errand.back().since) > errand_max)
        lose(pool.errand.back(), {{}, "no answer to a health check"});
    while (!pool.held.empty() && since(pool.held.back().since) > cancel_grace)
        end_quarantine(pool.held.back());
    while (!pool.idle.empty()) {
        auto& one = pool.idle.back();
        const auto verdict =
            pool::check_lifetime(pool.shared.settings().pool, pool.shared.summarise().open,
                                 since(one.since), since(one.opened_at()), one.number());
        if (verdict == pool::expiry::none)
            break;
        discard(one, verdict == pool::expiry::idle ? "max_idle" : "max_lifetime");
    }
}

}  // namespace pgballast::proxy
