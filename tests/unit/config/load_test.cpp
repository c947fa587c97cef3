#include "pgballast/config/load.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "pgballast/config/document.hpp"
#include "temporary_directory.hpp"

using namespace pgballast::config;

namespace {

using variables = std::map<std::string, std::string>;
using lines = std::vector<std::string>;

environment with(variables values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional{found->second};
    };
}

lines errors_of(const boost::system::result<snapshot, std::vector<config_error>>& result) {
    lines out;
    if (!result)
        for (const auto& error : result.error())
            out.push_back(to_string(error));
    return out;
}

const auto url = "postgresql://app:secret@host.example/shop";

}  // namespace

TEST_CASE("a URL in the environment is a complete configuration") {
    const auto out = load({}, {}, with({{"NEON_DB_URL", url}})).value();
    REQUIRE(out.databases.size() == 2);
    CHECK(out.databases[0].name == "shop");
    CHECK(out.databases[0].upstream.dbname == "shop");
    CHECK(out.databases[1].name == "*");
    CHECK(out.users.empty());

    const auto other = out.find_database("other");
    REQUIRE(other);
    CHECK(other->upstream.dbname == "other");
    CHECK(other->upstream.hosts[0].host == "host.example");
    CHECK(other->upstream.password == "secret");
}

TEST_CASE("NEON_DB_URL stands before DATABASE_URL, and an empty one counts as unset") {
    const auto host_of = [](variables values) {
        return load({}, {}, with(std::move(values))).value().databases[0].upstream.hosts[0].host;
    };
    CHECK(host_of({{"NEON_DB_URL", url}, {"DATABASE_URL", "host=b user=u"}}) == "host.example");
    CHECK(host_of({{"DATABASE_URL", "host=b user=u"}}) == "b");
    CHECK(host_of({{"NEON_DB_URL", ""}, {"DATABASE_URL", "host=b user=u"}}) == "b");
}

TEST_CASE("a URL without a database serves the user's, as libpq would") {
    const auto out = load({}, {}, with({{"DATABASE_URL", "postgresql://u@h"}})).value();
    CHECK(out.databases[0].name == "u");
    CHECK(out.databases[0].upstream.dbname == "u");
}

TEST_CASE("what was decided for a URL of Neon's is noted once") {
    const auto out =
        load({}, {}, with({{"NEON_DB_URL", "postgresql://u:p@ep-x-pooler.aws.neon.tech/db"}}))
            .value();
    CHECK(out.notes.size() == 1);
    for (const auto& database : out.databases) {
        CHECK(database.upstream.hosts[0].host == "ep-x.aws.neon.tech");
        CHECK(database.upstream.sslmode == sslmode::verify_full);
        CHECK(database.upstream.sslrootcert == "system");
    }
}

TEST_CASE("without any upstream there is nothing to serve") {
    CHECK(errors_of(load({}, {}, with({}))) ==
          lines{"databases: there is none: set NEON_DB_URL or DATABASE_URL, or give --upstream or "
                "a configuration file"});
}

TEST_CASE("the command line stands above file and environment") {
    const temporary_directory directory;
    directory.write("c.yaml",
                    "listen: 127.0.0.1:1\nadmin: { listen: '127.0.0.1:2' }\nlog: { level: warn, "
                    "format: json }\ndatabases: { app: { upstream: 'host=a user=u' } }\n");
    const overrides options{.upstream = "postgresql://u@b/db",
                            .listen = "[::1]:3",
                            .admin = "off",
                            .log_level = "debug"};
    const auto out =
        load(directory.path() / "c.yaml", options, with({{"NEON_DB_URL", url}})).value();
    CHECK(out.listen == std::vector<endpoint>{{"::1", 3}});
    CHECK_FALSE(out.admin);
    CHECK(out.log.level == log_level::debug);
    CHECK(out.log.format == log_format::json);
    REQUIRE(out.databases.size() == 2);
    CHECK(out.databases[0].name == "db");
    CHECK(out.databases[0].upstream.hosts[0].host == "b");
}

TEST_CASE("a file's databases stand before the environment, which serves a file without any") {
    const temporary_directory directory;
    directory.write("with.yaml", "databases: { app: { upstream: 'host=a user=u' } }\n");
    directory.write("without.yaml", "threads: 1\n");
    const auto env = with({{"NEON_DB_URL", url}});

    const auto own = load(directory.path() / "with.yaml", {}, env).value();
    REQUIRE(own.databases.size() == 1);
    CHECK(own.databases[0].name == "app");

    const auto from_url = load(directory.path() / "without.yaml", {}, env).value();
    CHECK(from_url.databases.size() == 2);
    CHECK(from_url.threads == 1);
}

TEST_CASE("mistakes of file and command line are reported together") {
    const temporary_directory directory;
    directory.write("c.yaml", "io: fast\n");
    const auto path = directory.path() / "c.yaml";
    const overrides options{
        .upstream = "host=a prt=1", .listen = "x", .admin = "y", .log_level = "inf"};
    CHECK(errors_of(load(path, options, with({}))) ==
          lines{path.string() + ":1: io: found 'fast', expected one of auto, io_uring, epoll",
                "--listen: found 'x', expected host:port, [IPv6]:port or unix:/directory",
                "--admin: found 'y', expected host:port, [IPv6]:port or off",
                "--log-level: found 'inf', expected one of trace, debug, info, warn, error (did "
                "you mean 'info'?)",
                "--upstream: at position 8: unknown keyword 'prt' (did you mean 'port'?)"});
}

TEST_CASE("a wrong URL is named by its variable, without its password") {
    CHECK(errors_of(load({}, {}, with({{"DATABASE_URL", "postgresql://u:pw@h:x/db"}}))) ==
          lines{"DATABASE_URL: port: expected numbers from 1 to 65535 (a '/' in a password is "
                "written %2F)"});
    CHECK(errors_of(load({}, {}, with({{"NEON_DB_URL", "postgresql://h/db"}}))) ==
          lines{"NEON_DB_URL: names no user (postgresql://USER:password@…)"});
}

TEST_CASE("a file that cannot be read is an error") {
    const temporary_directory directory;
    directory.write("large.yaml", std::string(document_size_max + 1, '#'));
    const auto env = with({{"NEON_DB_URL", url}});
    for (const auto* name : {"missing.yaml", "large.yaml", "."}) {
        CAPTURE(name);
        const auto errors = errors_of(load(directory.path() / name, {}, env));
        REQUIRE(errors.size() == 1);
        CHECK(errors[0].starts_with("--config: "));
    }
}

TEST_CASE("the example configuration loads, and holds the defaults it says it holds") {
    const auto out =
        load(PGBALLAST_EXAMPLE_CONFIG, {}, with({{"NEON_DB_URL", "postgresql://u:p@host/db"}}))
            .value();
    const snapshot defaults;
    CHECK(out.listen == defaults.listen);
    CHECK(out.admin == defaults.admin);
    CHECK(out.users.empty());
    CHECK(out.limits == defaults.limits);
    CHECK(out.io == defaults.io);
    CHECK(out.threads == defaults.threads);
    CHECK(out.log == defaults.log);

    REQUIRE(out.databases.size() == 1);
    const auto& app = out.databases[0];
    const database database_defaults;
    CHECK(app.neon_pooler == database_defaults.neon_pooler);
    CHECK(app.pool == database_defaults.pool);
    CHECK(app.health == database_defaults.health);
    CHECK(app.retry == database_defaults.retry);
    CHECK(app.breaker == database_defaults.breaker);
}
