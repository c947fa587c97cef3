#include "pgballast/config/yaml.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "temporary_directory.hpp"

using namespace pgballast::config;
using namespace std::literals;

namespace {

const environment env = [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables{
        {"NEON_DB_URL", "postgresql://u:p@ep-x-pooler.aws.neon.tech/db"},
        {"PASSWORD", "#a: b, 'c' \"d\" {e} ${f}"},
        {"PORT", "7000"}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
};

snapshot parsed(std::string_view text) {
    return parse_yaml(text, "pgballast.yaml", env).value();
}

using lines = std::vector<std::string>;

lines errors_of(std::string_view text) {
    lines out;
    const auto result = parse_yaml(text, "pgballast.yaml", env);
    if (!result)
        for (const auto& error : result.error())
            out.push_back(to_string(error));
    return out;
}

/// A configuration with one database, whose further keys are `text`.
std::string with_database(std::string_view text) {
    return "databases:\n  app:\n    upstream: postgresql://u:p@host/db\n" + std::string{text};
}

}  // namespace

TEST_CASE("an empty file is the defaults") {
    for (const auto* text :
         {"", "# nothing\n", "listen:\nadmin:\ndatabases:\nusers:\nlimits:\nlog:\n"}) {
        CAPTURE(text);
        const auto out = parsed(text);
        CHECK(out.listen == std::vector<endpoint>{{"127.0.0.1", 6432}});
        CHECK(out.admin == endpoint{"127.0.0.1", 9632});
        CHECK(out.databases.empty());
        CHECK(out.users.empty());
        CHECK(out.limits.clients == 10000);
        CHECK(out.limits.message_max == std::size_t{1} << 30);
        CHECK(out.log.level == log_level::info);
    }
}

TEST_CASE("every key is read") {
    const auto out = parsed(R"(
listen: ["127.0.0.1:${PORT}", "[::1]:0", unix:/run/pgballast]
admin: { listen: "0.0.0.0:1" }
databases:
  app:
    upstream: host=a,b user=u password=p dbname=d
    neon_pooler: keep
    pool: { mode: session, min: 2, max: 3, keep_warm: yes, max_idle: 0, max_lifetime: 2h }
    health: { check_after: 1s }
    retry: { delay: 1ms, max_delay: 3s, attempts: 4, wait_timeout: 5s, connect_timeout: 6s, plain_delay: 7ms }
    breaker: { failures: 0, open_for: 8s }
    answer_pings: select1
  "*":
    upstream: postgresql://u@h/
users:
  - { name: a, password: "${PASSWORD}" }
  - name: b
    scram: SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
limits: { clients: 5, login_timeout: 1m, message_max: 1MiB, drain_timeout: 0 }
io: epoll
threads: 2
log: { level: debug, format: json }
)");
    CHECK(out.listen ==
          std::vector<endpoint>{{"127.0.0.1", 7000}, {"::1", 0}, {"/run/pgballast", 6432}});
    CHECK(out.admin == endpoint{"0.0.0.0", 1});

    REQUIRE(out.databases.size() == 2);
    const auto& app = out.databases[0];
    CHECK(app.name == "app");
    CHECK(app.upstream.hosts.size() == 2);
    CHECK(app.upstream.dbname == "d");
    CHECK(app.neon_pooler == neon_pooler::keep);
    CHECK(app.pool.mode == pool_mode::session);
    CHECK(app.pool.min == 2);
    CHECK(app.pool.max == 3);
    CHECK(app.pool.keep_warm);
    CHECK(app.pool.max_idle == 0s);
    CHECK(app.pool.max_lifetime == 2h);
    CHECK(app.health.check_after == 1s);
    CHECK(app.retry.delay == 1ms);
    CHECK(app.retry.max_delay == 3s);
    CHECK(app.retry.attempts == 4);
    CHECK(app.retry.wait_timeout == 5s);
    CHECK(app.retry.connect_timeout == 6s);
    CHECK(app.retry.plain_delay == 7ms);
    CHECK(app.breaker.failures == 0);
    CHECK(app.breaker.open_for == 8s);
    CHECK(app.answer_pings == answer_pings::select1);
    CHECK(out.databases[1].answer_pings == answer_pings::empty);
    CHECK(out.databases[1].name == "*");

    REQUIRE(out.users.size() == 2);
    CHECK(out.users[0].password == "#a: b, 'c' \"d\" {e} ${f}");
    CHECK(out.users[1].scram.starts_with("SCRAM-SHA-256$"));

    CHECK(out.limits.clients == 5);
    CHECK(out.limits.login_timeout == 60s);
    CHECK(out.limits.message_max == 1048576);
    CHECK(out.limits.drain_timeout == 0s);
    CHECK(out.io == io_kind::epoll);
    CHECK(out.threads == 2);
    CHECK(out.log.level == log_level::debug);
    CHECK(out.log.format == log_format::json);
}

TEST_CASE("one address may stand without a list, and the admin port may be off") {
    const auto out = parsed("listen: unix:/run/pgballast:5432\nadmin: off\n");
    CHECK(out.listen == std::vector<endpoint>{{"/run/pgballast", 5432}});
    CHECK_FALSE(out.admin);
}

TEST_CASE("a database without a name upstream has its own name there") {
    CHECK(parsed("databases: { app: { upstream: 'postgresql://u@h' } }")
              .databases[0]
              .upstream.dbname == "app");
}

TEST_CASE("what was decided for a host of Neon's is noted") {
    const auto out = parsed("databases:\n  app:\n    upstream: ${NEON_DB_URL}\n");
    CHECK(out.databases[0].upstream.hosts[0].host == "ep-x.aws.neon.tech");
    CHECK(out.databases[0].upstream.sslmode == sslmode::verify_full);
    CHECK(out.notes.size() == 1);
}

TEST_CASE("target_session_attrs that is not checked is noted") {
    const auto out =
        parsed("databases: { app: { upstream: 'user=u target_session_attrs=primary' } }");
    CHECK(out.notes == lines{"database app: target_session_attrs=primary is not checked, hosts "
                             "are tried in order"});
}

TEST_CASE("a wrong word is named with its place, what is accepted and the nearest") {
    CHECK(errors_of(with_database("    pool:\n      mode: sesion\n")) ==
          lines{"pgballast.yaml:5: databases.app.pool.mode: found 'sesion', expected one of auto, "
                "transaction, session (did you mean 'session'?)"});
}

TEST_CASE("an unknown key is an error with the nearest known one") {
    CHECK(errors_of(with_database("    breaker: { failure: 1 }\n")) ==
          lines{"pgballast.yaml:4: databases.app.breaker.failure: unknown key, expected one of "
                "failures, open_for (did you mean 'failures'?)"});
    CHECK(errors_of("cluster: 1\n") ==
          lines{"pgballast.yaml:1: cluster: unknown key, expected one of listen, admin, "
                "client_tls, databases, users, userlist, limits, io, threads, log"});
    CHECK(errors_of("lisen: 127.0.0.1:1\n").at(0).ends_with("(did you mean 'listen'?)"));
    CHECK(errors_of("\"a\\nb\": 1\n").at(0).starts_with("pgballast.yaml:1: a?b: unknown key"));
}

TEST_CASE("a key given twice is an error") {
    CHECK(errors_of("io: auto\nthreads: 1\nio: epoll\n") ==
          lines{"pgballast.yaml:3: io: given twice, first on line 1"});
    CHECK(errors_of(with_database("  app:\n    upstream: host=a user=u\n")) ==
          lines{"pgballast.yaml:4: databases.app: given twice, first on line 2"});
}

TEST_CASE("a value of the wrong shape is an error") {
    CHECK(errors_of("limits: 5\n") ==
          lines{"pgballast.yaml:1: limits: found a single value, expected a map (key: value)"});
    CHECK(errors_of("databases: [a]\n") ==
          lines{"pgballast.yaml:1: databases: found a list, expected a map (key: value)"});
    CHECK(errors_of("io: [auto]\n") ==
          lines{"pgballast.yaml:1: io: found a list, expected a single value"});
    CHECK(errors_of("users: { a: b }\n") ==
          lines{"pgballast.yaml:1: users: expected a list of users (- name: …)"});
    CHECK(errors_of("just text\n") ==
          lines{"pgballast.yaml:1: found a single value, expected a map (key: value)"});
}

TEST_CASE("numbers, durations and sizes outside their range are errors") {
    const auto one = [](std::string_view text) { return errors_of(text).at(0); };
    CHECK(one("threads: 257\n") ==
          "pgballast.yaml:1: threads: found '257', expected a number from 0 to 256");
    CHECK(one("threads: -1\n").find("found '-1'") != std::string::npos);
    CHECK(one("limits: { login_timeout: 5 }\n") ==
          "pgballast.yaml:1: limits.login_timeout: found '5', expected a duration such as 500ms, "
          "30s, 5m, 1h above 0, at most 1000d");
    CHECK(one("limits: { login_timeout: 0s }\n").find("found '0s'") != std::string::npos);
    CHECK(one("limits: { message_max: 1KiB }\n") ==
          "pgballast.yaml:1: limits.message_max: found '1KiB', expected a size from 64KiB to "
          "1024MiB");
    CHECK(one(with_database("    pool: { max: 0 }\n")).find("pool.max: found '0'") !=
          std::string::npos);
    CHECK(
        one(with_database("    pool: { keep_warm: maybe }\n")).ends_with("expected true or false"));
}

TEST_CASE("settings that contradict each other are errors") {
    CHECK(errors_of(with_database("    pool: { min: 11 }\n")) ==
          lines{"pgballast.yaml:4: databases.app.pool.min: found 11, expected at most max, 10"});
    CHECK(errors_of(with_database("    retry: { delay: 3s }\n")) ==
          lines{"pgballast.yaml:4: databases.app.retry.delay: found 3000ms, expected at most "
                "max_delay, 2000ms"});
    CHECK(errors_of("databases:\n  app:\n    upstream: ${NEON_DB_URL}\n    neon_pooler: keep\n"
                    "    pool: { mode: session }\n")
              .at(0)
              .starts_with("pgballast.yaml:5: databases.app.pool.mode: found 'session', but"));
}

TEST_CASE("an upstream must be there, and name a user") {
    CHECK(errors_of("databases:\n  app:\n") ==
          lines{"pgballast.yaml:2: databases.app.upstream: missing, expected "
                "postgresql://user:password@host/database"});
    CHECK(errors_of("databases:\n  app:\n    upstream: postgresql://host/db\n") ==
          lines{"pgballast.yaml:3: databases.app.upstream: names no user "
                "(postgresql://USER:password@…)"});
    CHECK(errors_of("databases:\n  app:\n    upstream: host=h usr=u\n") ==
          lines{"pgballast.yaml:3: databases.app.upstream: at position 8: unknown keyword 'usr' "
                "(did you mean 'user'?)"});
    CHECK(errors_of(with_database("    upstream_file: x\n")) ==
          lines{"pgballast.yaml:3: databases.app.upstream: given beside upstream_file, expected "
                "only one of the two"});
    CHECK(errors_of("databases:\n  '': { upstream: host=a user=u }\n").size() == 1);
}

TEST_CASE("a user has a name and one secret") {
    CHECK(errors_of("users:\n  - { name: a }\n") ==
          lines{"pgballast.yaml:2: users[0]: expected one of password, password_file, scram"});
    CHECK(errors_of("users:\n  - { name: a, password: x, scram: y }\n").at(0) ==
          "pgballast.yaml:2: users[0]: expected one of password, password_file, scram");
    CHECK(errors_of("users:\n  - { password: x }\n") ==
          lines{"pgballast.yaml:2: users[0].name: missing"});
    CHECK(errors_of("users:\n  - { name: a, scram: hunter2 }\n") ==
          lines{"pgballast.yaml:2: users[0].scram: expected "
                "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"});
    CHECK(errors_of("users:\n  - { name: a, password: x }\n  - { name: a, password: y }\n") ==
          lines{"pgballast.yaml:3: users[1]: a second user 'a'"});
    CHECK(errors_of("users:\n  - { name: a, pasword: x }\n").size() == 2);
}

TEST_CASE("listen addresses are checked one by one") {
    CHECK(errors_of("listen:\n  - 127.0.0.1:1\n  - 6432\n  - 127.0.0.1:1\n") ==
          lines{"pgballast.yaml:3: listen[1]: found '6432', expected host:port, [IPv6]:port or "
                "unix:/directory",
                "pgballast.yaml:4: listen[2]: given twice"});
    CHECK(errors_of("listen: []\n") ==
          lines{"pgballast.yaml:1: listen: an empty list, expected at least one address"});
    CHECK(errors_of("listen: ['127.0.0.1:0', '127.0.0.1:0']\n").empty());
    CHECK(errors_of("admin: { listen: unix:/run }\n").size() == 1);
}

TEST_CASE("all mistakes are reported in the order of the file, up to a bound") {
    CHECK(errors_of("log: { level: loud }\nthreads: many\nio: fast\n") ==
          lines{"pgballast.yaml:1: log.level: found 'loud', expected one of trace, debug, info, "
                "warn, error",
                "pgballast.yaml:2: threads: found 'many', expected a number from 0 to 256",
                "pgballast.yaml:3: io: found 'fast', expected one of auto, io_uring, epoll"});
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += "key" + std::to_string(i) + ": 1\n";
    CHECK(errors_of(many).size() == errors_max);
}

TEST_CASE("a variable that is not set is an error at its place") {
    CHECK(errors_of("databases:\n  app:\n    upstream: ${NO_URL}\n") ==
          lines{"pgballast.yaml:3: databases.app.upstream: the environment has no NO_URL (a "
                "default is written ${NO_URL:-default})"});
}

TEST_CASE("a text that is no YAML is an error on its line") {
    const auto errors = errors_of("io: auto\nlisten: [\n");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].starts_with("pgballast.yaml:"));
}

TEST_CASE("secrets are read from files beside the configuration, or systemd's credentials") {
    const temporary_directory directory;
    directory.write("url", "postgresql://u:p@h/d\n");
    directory.write("password", "hush\r\n");
    const auto file = (directory.path() / "pgballast.yaml").string();
    constexpr auto text =
        "databases: { app: { upstream_file: url } }\n"
        "users: [{ name: a, password_file: password }]\n";

    const auto beside = parse_yaml(text, file, env).value();
    CHECK(beside.databases[0].upstream.hosts[0].host == "h");
    CHECK(beside.users[0].password == "hush");

    const environment with_credentials = [&](const std::string& name) {
        return name == "CREDENTIALS_DIRECTORY" ? std::optional{directory.path().string()}
                                               : std::nullopt;
    };
    CHECK(parse_yaml(text, "/etc/pgballast.yaml", with_credentials).value().users[0].password ==
          "hush");
}

TEST_CASE("a secret's file that cannot serve is an error, which does not quote it") {
    const temporary_directory directory;
    directory.write("empty", "\n");
    directory.write("lines", "hush\nhush\n");
    directory.write("large", std::string(20'000, 'x'));
    const auto file = (directory.path() / "pgballast.yaml").string();
    for (const auto* name : {"empty", "lines", "large", "missing", "."}) {
        CAPTURE(name);
        const auto result = parse_yaml(
            "users: [{ name: a, password_file: " + std::string{name} + " }]\n", file, env);
        REQUIRE(result.has_error());
        CHECK(result.error().size() == 1);
        CHECK(result.error()[0].key == "users[0].password_file");
        CHECK(result.error()[0].message.find("hush") == std::string::npos);
    }
}

TEST_CASE("TLS for clients needs a certificate, and authorities where theirs are verified") {
    const auto mode_of = [](std::string_view text) { return parsed(text).client_tls.mode; };
    CHECK(mode_of("") == sslmode::disable);
    CHECK(mode_of("client_tls: { mode: disable }") == sslmode::disable);
    CHECK(mode_of("client_tls: { cert: a.pem }") == sslmode::prefer);
    CHECK(mode_of("client_tls: { mode: require, cert: a.pem }") == sslmode::require);

    const auto all = parsed("client_tls: { mode: verify-full, cert: a.crt, key: /k.pem, ca: ca }");
    CHECK(all.client_tls.cert == "a.crt");
    CHECK(all.client_tls.key == "/k.pem");
    CHECK(all.client_tls.ca == "ca");
    CHECK(all.client_tls.required());
    CHECK_FALSE(parsed("client_tls: { cert: a.pem }").client_tls.required());

    CHECK(errors_of("client_tls: { mode: require }") ==
          lines{"pgballast.yaml:1: client_tls.cert: missing, expected a file with our certificate "
                "(PEM)"});
    CHECK(errors_of("client_tls: { mode: verify-ca, cert: a.pem }") ==
          lines{"pgballast.yaml:1: client_tls.ca: missing, expected a file with the authorities of "
                "clients' certificates"});
    CHECK(errors_of("client_tls: { mode: allow, cert: a.pem }").size() == 1);
}

TEST_CASE("a file of users in PgBouncer's format stands behind the users of our own") {
    const temporary_directory directory;
    directory.write("users.txt", "\"a\" \"theirs\"\n\"b\" \"secret\"\n");
    const auto out = parsed("users: [{ name: a, password: ours, max_clients: 3 }]\nuserlist: " +
                            (directory.path() / "users.txt").string());
    REQUIRE(out.users.size() == 2);
    CHECK(out.users[0].password == "ours");
    CHECK(out.users[0].max_clients == 3);
    CHECK(out.users[1].name == "b");
    CHECK(out.users[1].password == "secret");

    directory.write("broken.txt", "\"a\" \"b\"\nnonsense\n");
    const auto errors = errors_of("userlist: " + (directory.path() / "broken.txt").string());
    REQUIRE(errors.size() == 1);
    CHECK_THAT(errors[0], Catch::Contains("line 2") && Catch::Contains("broken.txt"));
    CHECK(errors_of("userlist: /nonexistent/users.txt").size() == 1);
}
