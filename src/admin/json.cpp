#include "pgballast/admin/json.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <ctime>
#include <functional>
#include <utility>

#include "pgballast/config/names.hpp"
#include "utf8.hpp"

namespace pgballast::admin {
namespace {

namespace json = boost::json;

const char* to_string(pool::breaker::state state) {
    constexpr const char* names[] = {"closed", "open", "half_open"};
    return names[static_cast<int>(state)];
}

json::value error_json(const std::optional<pool::failure>& error) {
    if (!error)
        return nullptr;
    return json::object{{"sqlstate", to_utf8(error->sqlstate)},
                        {"message", to_utf8(error->message)},
                        {"detail", to_utf8(error->detail)},
                        {"hint", to_utf8(error->hint)}};
}

json::value time_json(const std::optional<wall_clock::time_point>& when) {
    if (!when)
        return nullptr;
    return json::string{to_text(*when)};
}

json::object losses_json(const pool_totals& of) {
    json::object all;
    for (std::size_t how = 0; how < of.losses.size(); ++how)
        all[proxy::loss_outcome_names[how]] = of.losses[how];
    return all;
}

json::object totals_json(const pool_totals& of) {
    return {{"transactions", of.transactions},
            {"bytes_from_clients", of.bytes_from_clients},
            {"bytes_from_backends", of.bytes_from_backends},
            {"waits", of.waits},
            {"wait_microseconds", of.wait_microseconds},
            {"refused", of.refused},
            {"backends_opened", of.backends_opened},
            {"connects_failed", of.connects_failed},
            {"backends_lost", of.backends_lost},
            {"losses_hidden", of.losses_hidden},
            {"losses_told", of.losses_told},
            {"losses", losses_json(of)},
            {"cancels", of.cancels},
            {"pings", of.pings}};
}

}  // namespace

std::string to_text(wall_clock::time_point when) {
    const auto seconds = wall_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[sizeof "+292277026596-12-04T15:30:07Z"];
    return {text, std::strftime(text, sizeof text, "%FT%TZ", &parts)};
}

json::object health_json(const pool_status& of) {
    return {{"database", to_utf8(of.database)},
            {"state", proxy::to_string(of.state)},
            {"breaker", to_string(of.breaker)},
            {"pool",
             {{"min", of.min},
              {"max", of.max},
              {"open", of.open},
              {"idle", of.idle},
              {"lent", of.lent},
              {"pinned", of.pinned},
              {"errand", of.errand},
              {"connecting", of.connecting},
              {"waiting", of.waiting}}},
            {"last_error", error_json(of.last_error)},
            {"last_opened", time_json(of.last_opened)}};
}

json::object stats_json(const pool_status& of) {
    auto all = health_json(of);
    all["mode"] = config::to_string(of.mode);
    all["clients"] = of.clients;
    all["totals"] = totals_json(of.totals);
    return all;
}

bool is_any_down(const status& of) {
    return std::ranges::find(of.pools, proxy::health::down, &pool_status::state) != of.pools.end();
}

json::object health_json(const status& of) {
    json::array databases;
    for (const auto& one : of.pools)
        databases.push_back(health_json(one));
    return {{"status", is_any_down(of) ? "down" : "ok"}, {"databases", std::move(databases)}};
}

json::object stats_json(const status& of) {
    json::array pools;
    for (const auto& one : of.pools)
        pools.push_back(stats_json(one));
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(of.taken - of.started);
    return {{"version", of.version},          {"engine", of.engine},
            {"workers", of.workers},          {"ready", of.ready},
            {"started", to_text(of.started)}, {"uptime_seconds", uptime.count()},
            {"clients", of.clients},          {"clients_max", of.clients_max},
            {"pools", std::move(pools)}};
}

json::object stories_json(const status& of) {
    using told = std::pair<const pool_status*, const proxy::story*>;
    std::vector<told> all;
    for (const auto& pool : of.pools)
        for (const auto& one : pool.stories)
            all.emplace_back(&pool, &one);
    std::ranges::stable_sort(all, std::greater{}, [](const told& one) { return one.second->at; });
    json::array stories;
    for (const auto& one : all)
        stories.push_back(json::object{
            {"at", to_text(one.second->at)},
            {"database", to_utf8(one.first->database)},
            {"lost", to_utf8(one.second->cause)},
            {"sqlstate", to_utf8(one.second->sqlstate)},
            {"done", proxy::loss_outcome_names[static_cast<std::size_t>(one.second->outcome)]},
            {"told", proxy::is_told(one.second->outcome)},
            {"took_ms", one.second->took.count()}});
    return {{"stories", std::move(stories)}};
}

}  // namespace pgballast::admin
