#include "pgballast/proxy/worker.hpp"

#include <openssl/crypto.h>

#include <utility>

#include "pgballast/proxy/log.hpp"

namespace pgballast::proxy {

using std::chrono::milliseconds;

session::mode local_pool::mode() const noexcept {
    switch (shared.settings().pool.mode) {
        case config::pool_mode::transaction:
            return session::mode::transaction;
        case config::pool_mode::session:
            return session::mode::session;
        case config::pool_mode::automatic:
            break;
    }
    return session::mode::automatic;
}

backend_list& local_pool::list_of(backend::place where) noexcept {
    switch (where) {
        case backend::place::idle:
            return idle;
        case backend::place::lent:
            return lent;
        case backend::place::resting:
            return resting;
        case backend::place::errand:
            return errand;
        case backend::place::held:
            return held;
    }
    return held;
}

worker::worker(unsigned number, std::unique_ptr<net::engine> engine, control& plane)
    : number_{number}, engine_{std::move(engine)}, plane_{plane} {}

worker::~worker() {
    stop();
}

void worker::start() {
    thread_ = std::thread{[this] { run(); }};
}

void worker::post(mailbox::letter one) {
    if (letters_.post(std::move(one)))
        engine_->wake();
}

void worker::stop() {
    if (!thread_.joinable())
        return;
    stopping_.store(true);
    engine_->wake();
    thread_.join();
}

void worker::run() {
    while (!stopping_.load(std::memory_order_relaxed)) {
        engine_->turn(looks_due_ ? look_delay : tick_length);
        now_ = clock::now();
        letters_.deliver();
        if (looks_due_ && now_ >= next_look_)
            look_at_recent();
        if (now_ >= next_tick_)
            tick();
        send_movers();
        dead_clients_.clear();
        dead_backends_.clear();
    }
    close_all();
}

void worker::close_all() {
    drain(true);
    for (auto& pool : pools_) {
        if (!pool)
            continue;
        for (auto where : {backend::place::idle, backend::place::errand, backend::place::held,
                           backend::place::lent, backend::place::resting})
            while (!pool->list_of(where).empty())
                discard(pool->list_of(where).front(), "pgballast ends");
    }
    // What was queued, goodbyes among it, goes out.
    engine_->turn(milliseconds{0});
    dead_clients_.clear();
    dead_backends_.clear();
}

local_pool& worker::local(shared_pool& pool) {
    if (pools_.size() <= pool.index())
        pools_.resize(pool.index() + 1);
    auto& mine = pools_[pool.index()];
    if (!mine)
        mine = std::make_unique<local_pool>(pool, pool.counters(number_));
    return *mine;
}

void worker::add_client(shared_pool& pool, new_client who) {
    auto& mine = local(pool);
    auto early = std::move(who.early);
    auto* one = new client{*this, mine, mine.mode(), std::move(who)};
    clients_.push_back(*one);
    by_process_id_[one->process_id()] = one;
    mine.counters.clients.add();
    one->start(std::move(early));
    if (draining_)
        one->drain(false);
}

void worker::remove(client& who) {
    if (!who.is_linked())
        return;
    clients_.erase(clients_.iterator_to(who));
    if (const auto found = by_process_id_.find(who.process_id());
        found != by_process_id_.end() && found->second == &who)  // numbers are drawn at random
        by_process_id_.erase(found);
    who.pool().counters.clients.sub();
    dead_clients_.emplace_back(&who);
    plane_.client_gone(who.pool().shared, who.of_account());
}

pool::ledger::admission worker::wait(client& who) {
    auto& pool = who.pool();
    pool.counters.waits.add();
    // The flag is raised under the pool's lock, and an answer comes by letter: it
    // cannot overtake the entry made here.
    auto admitted = pool.shared.wait(number_, pool::wish::backend);
    if (!admitted.refused)
        pool.waiters[admitted.id] = &who;
    return admitted;
}

void worker::stop_waiting(client& who, pool::ticket ticket) {
    who.pool().waiters.erase(ticket);
    who.pool().shared.leave(ticket);
}

void worker::grant(local_pool& pool, const pool::ledger::grant& to, backend& one) {
    const auto found = pool.waiters.find(to.id);
    if (found == pool.waiters.end())
        return offer(one);  // it has left in the meantime
    pool.counters.wait_microseconds.add(static_cast<std::uint64_t>(to.waited.count()) * 1000);
    auto* who = pool.waiters.extract(found).mapped();
    if (one.where != backend::place::lent)
        place(one, backend::place::lent);
    who->granted(one);
}

void worker::refuse(shared_pool& pool, pool::ticket whom, const pool::failure& why) {
    auto& waiters = local(pool).waiters;
    if (const auto found = waiters.find(whom); found != waiters.end())
        waiters.extract(found).mapped()->refused(why);
}

void worker::notice(shared_pool& pool, pool::ticket whom, const std::string& text) {
    auto& waiters = local(pool).waiters;
    if (const auto found = waiters.find(whom); found != waiters.end())
        found->second->noticed(text);
}

void worker::give_idle(shared_pool& shared) {
    auto& pool = local(shared);
    while (shared.somebody_waits() && !pool.idle.empty())
        if (auto* one = first_usable(pool))  // else it is being probed
            give_or_keep(*one);
    if (!shared.somebody_waits())
        return;
    shared.nothing_to_give();
    if (pool.shares())
        give_associated(pool);
}

/// Clients that think give up what they keep, the one that thinks longest first; those whose
/// sessions have to be looked at give it up after that.
void worker::give_associated(local_pool& pool) {
    while (pool.shared.contended())
        if (auto* one = take_associated(pool))
            give_or_keep(*one);
        else
            return look_at_sessions(pool);
}

/// A backend that was taken for somebody who waits.
void worker::give_or_keep(backend& one) {
    if (const auto to = one.pool().shared.oldest())
        give(one, *to);
    else
        place(one, backend::place::idle);
}

void worker::give(backend& one, const pool::ledger::grant& to) {
    if (to.worker == number_)
        grant(one.pool(), to, one);
    else
        move(one, to);
}

void worker::send_cancel(backend& one) {
    one.pool().counters.cancels.add();
    ++one.cancels_sent;
    plane_.send_cancel(one.pool().shared, one.login());
}

void worker::cancel(std::int32_t process_id, const std::string& key) {
    const auto found = by_process_id_.find(process_id);
    if (found == by_process_id_.end())
        return;
    const auto& expected = found->second->cancel_key();
    if (expected.size() == key.size() &&
        CRYPTO_memcmp(expected.data(), key.data(), key.size()) == 0)
        found->second->cancel();
}

void worker::drain(bool at_once) {
    draining_ = true;
    // What one of them gives back may end another.
    std::vector<client*> all;
    for (auto& one : clients_)
        all.push_back(&one);
    for (auto* one : all)
        if (one->is_linked())
            one->drain(at_once);
    for (auto& pool : pools_)
        if (pool)
            while (!pool->idle.empty())
                discard(pool->idle.front(), "pgballast is shutting down");
}

void worker::tick() {
    next_tick_ = now_ + tick_length;
    const bool look_for_silent = ++ticks_ % ticks_a_look == 0;
    for (auto& pool : pools_)
        if (pool) {
            if (look_for_silent) {
                find_silent(*pool);
                pool->shared.database()->forget_what_is_old(now_);
            }
            expire(*pool);
            if (pool->shares() && pool->shared.contended())
                give_associated(*pool);  // looks at those it cannot take
            else
                look_at_sessions(*pool);
        }
}

}  // namespace pgballast::proxy
