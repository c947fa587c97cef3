// Both ends of the connections in a world.
#pragma once

#include "world.hpp"

namespace pgballast::sim {

struct world::client {
    enum class stage { serving, leaving, gone, closed };

    client(const client_plan& planned, chance dice, model_client who, session::session how)
        : number{planned.number},
          vanishes{planned.vanishes},
          manner{dice},
          model{std::move(who)},
          decider{std::move(how)} {}

    const unsigned number;
    const bool vanishes;
    chance manner;
    model_client model;
    session::session decider;
    std::unique_ptr<pipe> to_proxy, to_client;
    backend* lent = nullptr;
    pool::ticket ticket = 0;
    bool restoring = false;
    stage at = stage::serving;
    std::string held;
    std::string since_idle;   // what a blind driver would run again
    bool told_since = false;  // anything, since then

    bool waits() const { return ticket != 0 || restoring; }
};

struct world::backend {
    backend(unsigned which, table& rows, session::reported_ptr at_login)
        : number{which}, model{rows}, state{std::move(at_login)} {}

    const unsigned number;
    model_backend model;
    session::backend_state state;
    std::unique_ptr<pipe> to_server, to_proxy;
    client* user = nullptr;
    bool open = true;  // as the proxy sees it
    bool dead = false;
    bool executing = false;
    std::function<void()> errand;  // what follows the query of our own that it runs
    bool errand_failed = false;
};

/// Every pipe has delays of its own.
template <typename Deliver, typename End>
std::unique_ptr<pipe> world::make_pipe(bool of_client, unsigned number, bool back, Deliver deliver,
                                       End end) {
    const auto which = (number * 2 + back) * 2 + of_client + 1;
    const chance dice{round_.seed + round_.timing, concern::timing, std::uint64_t{which} << 32};
    return std::make_unique<pipe>(time_, dice, std::move(deliver), std::move(end));
}

}  // namespace pgballast::sim
