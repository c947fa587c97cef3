#include "pgballast/admin/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <optional>

#include "utf8.hpp"

namespace pgballast::admin {
namespace {

using prometheus::MetricType;
using proxy::health;

/// Of the whole process.
struct process_metric {
    const char* name;
    const char* help;
    double (*value)(const status&);
};

/// Of each database. No value: no series.
struct database_metric {
    const char* name;
    MetricType type;
    const char* help;
    std::optional<double> (*value)(const pool_status&);
};

constexpr auto gauge = MetricType::Gauge;
constexpr auto counter = MetricType::Counter;

double since_epoch(wall_clock::time_point when) {
    return std::chrono::duration<double>{when.time_since_epoch()}.count();
}

constexpr process_metric process_metrics[] = {
    {"pgballast_start_time_seconds", "When pgballast started, in seconds since 1970.",
     [](const status& of) { return since_epoch(of.started); }},
    {"pgballast_ready", "1 while new clients are let in, 0 while draining.",
     [](const status& of) { return of.ready ? 1.0 : 0.0; }},
    {"pgballast_workers", "Threads that relay queries.",
     [](const status& of) -> double { return of.workers; }},
    {"pgballast_clients", "Connected clients, with those that are logging in.",
     [](const status& of) -> double { return of.clients; }},
    {"pgballast_clients_max", "The limit on connected clients, limits.clients.",
     [](const status& of) -> double { return of.clients_max; }},
};

using number = std::optional<double>;
using of_pool = const pool_status&;

constexpr database_metric database_metrics[] = {
    // The state: at most one of the four is 1.
    {"pgballast_database_up", gauge, "1 while there are backends.",
     [](of_pool of) -> number { return of.state == health::up; }},
    {"pgballast_database_asleep", gauge,
     "1 while there are no backends, nobody wants one, and the last attempt succeeded.",
     [](of_pool of) -> number { return of.state == health::asleep; }},
    {"pgballast_database_waking", gauge,
     "1 while there are no backends, one is being connected, and no attempt has failed yet.",
     [](of_pool of) -> number { return of.state == health::waking; }},
    {"pgballast_database_down", gauge,
     "1 while there are no backends and the last attempt failed, or the breaker is not closed.",
     [](of_pool of) -> number { return of.state == health::down; }},
    {"pgballast_breaker_open", gauge,
     "1 unless the breaker is closed: requests are refused at once, but for one that may try.",
     [](of_pool of) -> number { return of.breaker != pool::breaker::state::closed; }},
    {"pgballast_last_opened_timestamp_seconds", gauge,
     "When a backend was last connected, in seconds since 1970; absent before the first.",
     [](of_pool of) { return of.last_opened ? number{since_epoch(*of.last_opened)} : number{}; }},

    // Now.
    {"pgballast_database_clients", gauge, "Clients that have logged in.",
     [](of_pool of) -> number { return of.clients; }},
    {"pgballast_clients_waiting", gauge, "Clients whose request waits for a backend.",
     [](of_pool of) -> number { return of.waiting; }},
    {"pgballast_backends_min", gauge, "Backends kept while the compute is awake, pool.min.",
     [](of_pool of) -> number { return of.min; }},
    {"pgballast_backends_max", gauge, "The limit on backends, pool.max.",
     [](of_pool of) -> number { return of.max; }},
    {"pgballast_backends_open", gauge, "Connected backends.",
     [](of_pool of) -> number { return of.open; }},
    {"pgballast_backends_idle", gauge, "Backends that nobody uses.",
     [](of_pool of) -> number { return of.idle; }},
    {"pgballast_backends_lent", gauge, "Backends that a client uses.",
     [](of_pool of) -> number { return of.lent; }},
    {"pgballast_backends_pinned", gauge,
     "Of these, backends whose client thinks and has made what cannot be carried to another.",
     [](of_pool of) -> number { return of.pinned; }},
    {"pgballast_backends_errand", gauge,
     "Backends that are cleaned, probed, or held back after a cancel request.",
     [](of_pool of) -> number { return of.errand; }},
    {"pgballast_backends_connecting", gauge, "Attempts to connect that are under way.",
     [](of_pool of) -> number { return of.connecting; }},

    // Since start.
    {"pgballast_transactions_total", counter,
     "Times a backend had answered all a client asked of it, outside a transaction block.",
     [](of_pool of) -> number { return of.totals.transactions; }},
    {"pgballast_client_received_bytes_total", counter,
     "Bytes received from clients after login, as sent: with TLS, encrypted.",
     [](of_pool of) -> number { return of.totals.bytes_from_clients; }},
    {"pgballast_backend_received_bytes_total", counter,
     "Bytes received from backends after login, as sent: with TLS, encrypted.",
     [](of_pool of) -> number { return of.totals.bytes_from_backends; }},
    {"pgballast_waits_total", counter, "Requests that found no idle backend and had to wait.",
     [](of_pool of) -> number { return of.totals.waits; }},
    {"pgballast_wait_seconds_total", counter,
     "Time that requests waited before they were given a backend.",
     [](of_pool of) -> number { return of.totals.wait_microseconds / 1e6; }},
    {"pgballast_refused_total", counter,
     "Requests refused: no backend in time, breaker open, or the server's own refusal.",
     [](of_pool of) -> number { return of.totals.refused; }},
    {"pgballast_backends_opened_total", counter, "Backends connected.",
     [](of_pool of) -> number { return of.totals.backends_opened; }},
    {"pgballast_connects_failed_total", counter, "Attempts to connect that failed.",
     [](of_pool of) -> number { return of.totals.connects_failed; }},
    {"pgballast_backends_lost_total", counter, "Backends ended by the server or the network.",
     [](of_pool of) -> number { return of.totals.backends_lost; }},
    {"pgballast_losses_hidden_total", counter, "Losses of a backend that no client was told of.",
     [](of_pool of) -> number { return of.totals.losses_hidden; }},
    {"pgballast_losses_told_total", counter, "Losses of a backend that a client was told of.",
     [](of_pool of) -> number { return of.totals.losses_told; }},
    {"pgballast_cancels_total", counter, "Cancel requests passed on to the server.",
     [](of_pool of) -> number { return of.totals.cancels; }},
    {"pgballast_pings_answered_total", counter,
     "Pings and resets of drivers' pools that were answered while the compute slept.",
     [](of_pool of) -> number { return of.totals.pings; }},
};

/// The serializer reads the one that the family's type names.
prometheus::ClientMetric series(double value) {
    prometheus::ClientMetric made;
    made.gauge.value = value;
    made.counter.value = value;
    return made;
}

/// What became of clients whose backend was lost.
prometheus::MetricFamily losses(const status& of) {
    prometheus::MetricFamily family{
        "pgballast_losses_total",
        "Losses of a client's backend, by how they ended: what was done, or what it was told.",
        counter,
        {}};
    for (const auto& pool : of.pools)
        for (std::size_t how = 0; how < pool.totals.losses.size(); ++how) {
            auto made = series(static_cast<double>(pool.totals.losses[how]));
            made.label = {{"database", to_utf8(pool.database)},
                          {"outcome", std::string{proxy::loss_outcome_names[how]}}};
            family.metric.push_back(std::move(made));
        }
    return family;
}

}  // namespace

std::vector<prometheus::MetricFamily> metric_families(const status& of) {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& metric : process_metrics)
        families.push_back({metric.name, metric.help, gauge, {series(metric.value(of))}});
    for (const auto& metric : database_metrics) {
        auto& family = families.emplace_back();
        family.name = metric.name;
        family.help = metric.help;
        family.type = metric.type;
        for (const auto& pool : of.pools)
            if (const auto value = metric.value(pool)) {
                family.metric.push_back(series(*value));
                family.metric.back().label = {{"database", to_utf8(pool.database)}};
            }
    }
    families.push_back(losses(of));
    return families;
}

std::string metrics_text(const status& of) {
    return prometheus::TextSerializer{}.Serialize(metric_families(of));
}

}  // namespace pgballast::admin
