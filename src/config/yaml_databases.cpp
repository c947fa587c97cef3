#include "database_rules.hpp"
#include "pgballast/config/dsn.hpp"
#include "yaml_sections.hpp"

namespace pgballast::config::detail {
namespace {

using std::chrono_literals::operator""ms;

constexpr unsigned backends_max = 10'000;
constexpr unsigned attempts_max = 1'000'000;

void read_pool(section in, pool_settings& out) {
    in.read("mode", out.mode);
    in.read("min", out.min, 0, backends_max);
    in.read("max", out.max, 1, backends_max);
    in.read("keep_warm", out.keep_warm);
    in.read("max_idle", out.max_idle);
    in.read("max_lifetime", out.max_lifetime);
    in.reject_unknown_keys();

    if (out.min > out.max)
        in.error("min", "found " + std::to_string(out.min) + ", expected at most max, " +
                            std::to_string(out.max));
}

void read_health(section in, health_settings& out) {
    in.read("check_after", out.check_after);
    in.reject_unknown_keys();
}

void read_retry(section in, retry_settings& out) {
    in.read("delay", out.delay, 1ms);
    in.read("max_delay", out.max_delay, 1ms);
    in.read("attempts", out.attempts, 0, attempts_max);
    in.read("wait_timeout", out.wait_timeout, 1ms);
    in.read("connect_timeout", out.connect_timeout, 1ms);
    in.read("lost_transaction", out.lost_transaction);
    in.read("plain_delay", out.plain_delay, 1ms);
    in.reject_unknown_keys();

    if (out.delay > out.max_delay)
        in.error("delay", "found " + std::to_string(out.delay.count()) +
                              "ms, expected at most max_delay, " +
                              std::to_string(out.max_delay.count()) + "ms");
}

void read_breaker(section in, breaker_settings& out) {
    in.read("failures", out.failures, 0, attempts_max);
    in.read("open_for", out.open_for, 1ms);
    in.reject_unknown_keys();
}

/// Reads the connection string, from its own key or from a file.
void read_upstream(section& in, dsn& out) {
    const bool in_file = in.find("upstream_file") != nullptr;
    const bool here = in.find("upstream") != nullptr;
    if (in_file == here)
        return in.error("upstream",
                        here ? "given beside upstream_file, expected only one of the two"
                             : "missing, expected postgresql://user:password@host/database");

    const auto text = here ? in.read_text("upstream") : in.read_secret_file("upstream_file");
    if (!text)
        return;
    auto parsed = parse_dsn(*text);
    if (parsed)
        out = std::move(*parsed);
    else
        in.error(here ? "upstream" : "upstream_file", parsed.error().message);
}

database read_database(section in, const std::string& name) {
    database out{.name = name};
    read_upstream(in, out.upstream);
    in.read("neon_pooler", out.neon_pooler);
    in.read("max_clients", out.max_clients, 0, clients_max);
    read_pool(in.sub("pool"), out.pool);
    read_health(in.sub("health"), out.health);
    read_retry(in.sub("retry"), out.retry);
    read_breaker(in.sub("breaker"), out.breaker);
    in.read("answer_pings", out.answer_pings);
    in.reject_unknown_keys();

    if (out.upstream.hosts.empty())
        return out;  // noted already
    if (auto error = complete(out, in.file().notes))
        in.error(error->key, std::move(error->message));
    return out;
}

}  // namespace

std::vector<database> read_databases(section in) {
    std::vector<database> out;
    for (const auto& entry : in.entries()) {
        if (entry.key.empty())
            in.error(entry.key, "an empty key, expected the name of a database, or \"*\"");
        out.push_back(read_database({entry, in.path(entry.key), in.file()}, entry.key));
    }
    return out;
}

}  // namespace pgballast::config::detail
