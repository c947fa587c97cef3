#include "world.hpp"

#include <algorithm>
#include <iostream>

#include "ends.hpp"

namespace pgballast::sim {
namespace {

using namespace std::chrono_literals;

constexpr unsigned events_max = 200'000;

config::database make_settings(const plan& round) {
    config::database settings;
    settings.pool.max = round.backends_max;
    settings.pool.min = 0;
    settings.retry.delay = 20ms;
    settings.retry.max_delay = 200ms;
    settings.retry.wait_timeout = round.wait_timeout;
    settings.breaker.open_for = 500ms;
    return settings;
}

}  // namespace

world::world(const plan& round, sabotage wrong, bool verbose)
    : round_{round},
      wrong_{wrong},
      verbose_{verbose},
      faults_{round.seed, round.faults, round.only},
      delays_{round.seed, concern::timing, round.timing},
      settings_{make_settings(round)},
      ledger_{std::make_unique<pool::ledger>(settings_, delays_.below(1000))} {}

world::~world() = default;

tally world::run() {
    for (const auto& who : round_.clients)
        time_.in(who.arrives, [this, &who] { arrive(who); });
    while (time_.step())
        if (++tally_.events > events_max)
            throw broken{"the round does not end"};
    check();
    count();
    return tally_;
}

void world::settle() {
    const auto decided = ledger_->decide(time_.now());
    for (unsigned attempt = 0; attempt < decided.open; ++attempt)
        time_.in(delays_.below(50), [this] { connect(); });
    if (decided.wakeup)
        time_.at(*decided.wakeup, [this] { settle(); });
    for (const auto& refused : decided.refused)
        if (auto* one = waiting(refused.id)) {
            one->ticket = 0;
            refuse(*one, refused.why);
            feed_held(*one);
        }
}

world::client* world::waiting(pool::ticket id) {
    const auto found = std::ranges::find(clients_, id, [](const auto& one) { return one->ticket; });
    return found == clients_.end() ? nullptr : found->get();
}

void world::check() const {
    for (const auto& one : clients_) {
        if (!one->model.finished())
            throw broken{"a client waits for ever: " + std::to_string(one->number)};
        if (one->at != client::stage::closed || one->lent)
            throw broken{"a client was not let go: " + std::to_string(one->number)};
    }
    const auto open = std::ranges::count_if(backends_, [](const auto& one) { return one->open; });
    if (static_cast<std::size_t>(open) != idle_.size() || ledger_->open_count() != open)
        throw broken{"a backend leaked"};
    if (ledger_->waiting() != 0 || ledger_->connecting() != 0)
        throw broken{"the ledger is not at rest"};

    std::map<unsigned, fate> fates;
    for (const auto& one : clients_)
        fates.insert(one->model.fates().begin(), one->model.fates().end());
    for (const auto& [row, times] : rows_)
        if (times > 1)
            throw broken{"a row is there twice: " + std::to_string(row)};
    for (const auto& [row, what] : fates) {
        if (what == fate::present && !rows_.contains(row))
            throw broken{"a row was acknowledged and is not there: " + std::to_string(row)};
        if (what == fate::absent && rows_.contains(row))
            throw broken{"a row was said to have failed and is there: " + std::to_string(row)};
    }
}

void world::count() {
    for (const auto& one : clients_) {
        for (const auto& [row, what] : one->model.fates()) {
            tally_.acknowledged += what == fate::present ? 1 : 0;
            tally_.unknown += what == fate::unknown ? 1 : 0;
        }
        for (const auto& [sqlstate, times] : one->model.errors())
            tally_.errors[sqlstate] += times;
    }
}

void world::log(const std::string& line) const {
    if (verbose_)
        std::cout << std::chrono::duration_cast<std::chrono::milliseconds>(
                         time_.now().time_since_epoch() - 1h)
                         .count()
                  << " ms  " << line << '\n';
}

}  // namespace pgballast::sim
