#include "pgballast/admin/status.hpp"

#include <algorithm>

namespace pgballast::admin {
namespace {

void add(pool_status& to, const proxy::pool_counters& of) {
    to.clients += of.clients.get();
    to.idle += of.idle.get();
    to.lent += of.lent.get();
    to.pinned += of.pinned.get();
    to.errand += of.errand.get();

    auto& totals = to.totals;
    totals.transactions += of.transactions.get();
    totals.bytes_from_clients += of.bytes_from_clients.get();
    totals.bytes_from_backends += of.bytes_from_backends.get();
    totals.waits += of.waits.get();
    totals.wait_microseconds += of.wait_microseconds.get();
    totals.refused += of.refused.get();
    totals.backends_lost += of.backends_lost.get();
    totals.losses_hidden += of.losses_hidden.get();
    totals.losses_told += of.losses_told.get();
    for (std::size_t how = 0; how < totals.losses.size(); ++how)
        totals.losses[how] += of.losses[how].get();
    totals.cancels += of.cancels.get();
    totals.pings += of.pings.get();
}

/// The pool's clock is monotonic; people and monitors ask for the time of day.
wall_clock::time_point time_of_day(pool::time_point then) {
    const auto age = std::chrono::steady_clock::now() - then;
    return wall_clock::now() - std::chrono::duration_cast<wall_clock::duration>(age);
}

pool_status of_pool(const proxy::shared_pool& pool) {
    pool_status one;
    one.database = pool.settings().name;
    one.mode = pool.settings().pool.mode;
    one.min = pool.settings().pool.min;
    one.max = pool.settings().pool.max;
    for (unsigned worker = 0; worker < pool.workers(); ++worker)
        add(one, pool.counters(worker));

    auto now = pool.summarise();
    one.state = now.state;
    one.breaker = now.breaker;
    one.open = now.open;
    one.connecting = now.connecting;
    one.waiting = now.waiting;
    one.totals.backends_opened = now.opened;
    one.totals.connects_failed = now.failed;
    one.last_error = std::move(now.last_failure);
    one.stories = pool.stories().last();
    if (now.last_opened)
        one.last_opened = time_of_day(*now.last_opened);
    return one;
}

/// "*" makes pools of whatever name a client asks for: until the server has let us in
/// once, that is no database, and nobody's outage.
bool is_database(const proxy::proxy& served, const proxy::shared_pool& pool) {
    const auto& name = pool.settings().name;
    const auto& configured = served.settings().databases;
    const bool ours =
        std::ranges::find(configured, name, &config::database::name) != configured.end();
    return name != "*" && (ours || pool.login_values());
}

std::vector<pool_status> all_pools(const proxy::proxy& served) {
    std::vector<pool_status> all;
    for (const auto* pool : served.pools())
        if (is_database(served, *pool))
            all.push_back(of_pool(*pool));
    std::ranges::sort(all, {}, &pool_status::database);
    return all;
}

}  // namespace

status take_status(const proxy::proxy& served, std::string_view version,
                   wall_clock::time_point started) {
    status now;
    now.version = version;
    now.engine = served.engine_name();
    now.workers = served.workers();
    now.clients = served.clients();
    now.clients_max = served.settings().limits.clients;
    now.ready = served.accepts_clients();
    now.started = started;
    now.taken = wall_clock::now();
    now.pools = all_pools(served);
    return now;
}

}  // namespace pgballast::admin
