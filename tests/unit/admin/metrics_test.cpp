#include "pgballast/admin/metrics.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "statuses.hpp"

using namespace pgballast::admin;
using pgballast::proxy::health;
using prometheus::MetricType;

namespace {

/// The lines of the text that are samples: `name{labels}` → value.
std::map<std::string, std::string> samples(const status& of) {
    std::map<std::string, std::string> found;
    std::istringstream text{metrics_text(of)};
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with('#'))
            continue;
        const auto end = line.rfind(' ');
        const bool is_new = found.emplace(line.substr(0, end), line.substr(end + 1)).second;
        CAPTURE(line);
        CHECK(is_new);
    }
    return found;
}

std::string app(const std::string& metric) {
    return "pgballast_" + metric + "{database=\"app\"}";
}

/// The rows of the tables of docs/METRICS.md.
struct documented {
    std::string type, meaning;
    bool operator==(const documented&) const = default;
};
std::map<std::string, documented> documentation() {
    std::map<std::string, documented> rows;
    std::ifstream file{PGBALLAST_METRICS_DOC};
    REQUIRE(file);
    const std::regex row{R"(\| `(\w+)` \| (\w+) \| (.*) \|)"};
    std::smatch part;
    for (std::string line; std::getline(file, line);)
        if (std::regex_match(line, part, row))
            rows[part[1]] = {part[2], part[3]};
    return rows;
}

}  // namespace

TEST_CASE("docs/METRICS.md tells of every metric what the server itself does, and of no other") {
    std::map<std::string, documented> served;
    for (const auto& family : metric_families(status_with({})))
        served[family.name] = {family.type == MetricType::Counter ? "counter" : "gauge",
                               family.help};
    const auto told = documentation();
    for (const auto& [name, what] : served) {
        CAPTURE(name);
        REQUIRE(told.contains(name));
        CHECK(told.at(name).type == what.type);
        CHECK(told.at(name).meaning == what.meaning);
    }
    CHECK(told.size() == served.size());
}

TEST_CASE("metrics are named as Prometheus wants it") {
    std::set<std::string> seen;
    for (const auto& family : metric_families(status_with({busy_pool()}))) {
        CAPTURE(family.name);
        CHECK(std::regex_match(family.name, std::regex{"pgballast_[a-z]+(_[a-z]+)*"}));
        CHECK(seen.insert(family.name).second);
        CHECK(family.name.ends_with("_total") == (family.type == MetricType::Counter));
        CHECK(family.help.ends_with('.'));
        for (const auto& one : family.metric)
            for (const auto& label : one.label)
                CHECK((label.name == "database" ||
                       (label.name == "outcome" && family.name == "pgballast_losses_total")));
    }
}

TEST_CASE("every figure of the status is a sample") {
    const auto found = samples(status_with({busy_pool()}));
    std::map<std::string, std::string> expected{
        {"pgballast_start_time_seconds", "1795512600"},
        {"pgballast_ready", "1"},
        {"pgballast_workers", "2"},
        {"pgballast_clients", "21"},
        {"pgballast_clients_max", "1000"},
        {app("database_up"), "1"},
        {app("database_asleep"), "0"},
        {app("database_waking"), "0"},
        {app("database_down"), "0"},
        {app("breaker_open"), "0"},
        {app("last_opened_timestamp_seconds"), "1795512630"},
        {app("database_clients"), "20"},
        {app("clients_waiting"), "6"},
        {app("backends_min"), "1"},
        {app("backends_max"), "10"},
        {app("backends_open"), "9"},
        {app("backends_idle"), "2"},
        {app("backends_lent"), "4"},
        {app("backends_pinned"), "1"},
        {app("backends_errand"), "3"},
        {app("backends_connecting"), "5"},
        {app("transactions_total"), "100"},
        {app("client_received_bytes_total"), "101"},
        {app("backend_received_bytes_total"), "102"},
        {app("waits_total"), "103"},
        {app("wait_seconds_total"), "1.5"},
        {app("refused_total"), "105"},
        {app("backends_opened_total"), "106"},
        {app("connects_failed_total"), "107"},
        {app("backends_lost_total"), "108"},
        {app("losses_hidden_total"), "109"},
        {app("losses_told_total"), "110"},
        {app("cancels_total"), "111"},
        {app("pings_answered_total"), "112"},
    };
    unsigned n = 200;
    for (const auto outcome : pgballast::proxy::loss_outcome_names)
        expected.emplace(
            "pgballast_losses_total{database=\"app\",outcome=\"" + std::string{outcome} + "\"}",
            std::to_string(n++));
    CHECK(found == expected);
}

TEST_CASE("a state is one of four, or none of them") {
    const std::map<health, std::string> states{{health::up, "up"},
                                               {health::asleep, "asleep"},
                                               {health::waking, "waking"},
                                               {health::down, "down"},
                                               {health::unknown, ""}};
    for (const auto& [state, name] : states) {
        const auto found = samples(status_with({pool_in(state)}));
        for (const auto& [other, other_name] : states)
            if (!other_name.empty())
                CHECK(found.at(app("database_" + other_name)) == (other_name == name ? "1" : "0"));
    }
}

TEST_CASE("a breaker that is half open is not closed") {
    auto pool = pool_in(health::down);
    pool.breaker = pgballast::pool::breaker::state::half_open;
    CHECK(samples(status_with({pool})).at(app("breaker_open")) == "1");
}

TEST_CASE("a time that has not come yet has no sample") {
    const auto found = samples(status_with({pool_in(health::unknown)}));
    CHECK_FALSE(found.contains(app("last_opened_timestamp_seconds")));
}

TEST_CASE("each metric says once what it means and of what type it is") {
    std::map<std::string, int> lines;
    std::istringstream text{metrics_text(status_with({busy_pool("a"), busy_pool("b")}))};
    for (std::string line; std::getline(text, line);)
        if (line.starts_with('#'))
            ++lines[line.substr(0, line.find(' ', line.find("pgballast_")))];
    for (const auto& family : metric_families(status_with({}))) {
        CHECK(lines["# HELP " + family.name] == 1);
        CHECK(lines["# TYPE " + family.name] == 1);
    }
}

TEST_CASE("no name of a database breaks the text") {
    const auto found = samples(status_with({pool_in(health::up, "a\"b\\c\nd\xff")}));
    CHECK(found.contains("pgballast_database_up{database=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"}"));
}
