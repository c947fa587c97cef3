// Statuses that tests of the admin port look at.
#pragma once

#include "pgballast/admin/status.hpp"

namespace pgballast::admin {

/// 2026-11-24T09:30:00Z
inline constexpr wall_clock::time_point some_day{std::chrono::seconds{1795512600}};

/// A pool in which no two figures are the same.
inline pool_status busy_pool(std::string database = "app") {
    pool_status pool;
    pool.database = std::move(database);
    pool.state = proxy::health::up;
    pool.mode = config::pool_mode::session;
    pool.min = 1;
    pool.max = 10;
    pool.open = 9;
    pool.idle = 2;
    pool.lent = 4;
    pool.pinned = 1;
    pool.errand = 3;
    pool.connecting = 5;
    pool.clients = 20;
    pool.waiting = 6;
    pool.totals = {.transactions = 100,
                   .bytes_from_clients = 101,
                   .bytes_from_backends = 102,
                   .waits = 103,
                   .wait_microseconds = 1'500'000,
                   .refused = 105,
                   .backends_opened = 106,
                   .connects_failed = 107,
                   .backends_lost = 108,
                   .losses_hidden = 109,
                   .losses_told = 110,
                   .losses = {200, 201, 202, 203, 204, 205, 206, 207, 208, 209},
                   .cancels = 111,
                   .pings = 112};
    pool.last_error = pool::failure{.sqlstate = "57P03",
                                    .message = "the database system is starting up",
                                    .detail = "",
                                    .hint = ""};
    pool.last_opened = some_day + std::chrono::seconds{30};
    return pool;
}

inline pool_status pool_in(proxy::health state, std::string database = "app") {
    pool_status pool;
    pool.database = std::move(database);
    pool.state = state;
    return pool;
}

inline status status_with(std::vector<pool_status> pools) {
    status made;
    made.version = "1.2.3";
    made.engine = "epoll";
    made.workers = 2;
    made.clients = 21;
    made.clients_max = 1000;
    made.ready = true;
    made.started = some_day;
    made.taken = some_day + std::chrono::seconds{61};
    made.pools = std::move(pools);
    return made;
}

}  // namespace pgballast::admin
