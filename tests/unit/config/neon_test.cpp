#include "pgballast/config/neon.hpp"

#include <catch2/catch.hpp>

#include "pgballast/config/dsn.hpp"

using namespace pgballast::config;

namespace {

struct outcome {
    database db;
    std::optional<config_error> error;
    std::vector<std::string> notes;
};

outcome applied(std::string_view upstream, neon_pooler pooler = neon_pooler::replace,
                pool_mode mode = pool_mode::automatic) {
    outcome out;
    out.db.name = "app";
    out.db.upstream = parse_dsn(upstream).value();
    out.db.neon_pooler = pooler;
    out.db.pool.mode = mode;
    out.error = apply_neon_rules(out.db, out.notes);
    return out;
}

constexpr auto pooler_url = "postgresql://u@ep-x-pooler.eu-central-1.aws.neon.tech/db";

}  // namespace

TEST_CASE("hosts under Neon's domains are Neon's") {
    for (const auto* host : {"ep-x.eu-central-1.aws.neon.tech", "ep-x.c-2.us-east-2.aws.neon.tech",
                             "EP-X.NEON.TECH", "ep-x.us-east-2.aws.neon.build", "ep-x.neon.tech."})
        CHECK(is_neon_host(host));
    for (const auto* host : {"neon.tech", ".neon.tech", "xneon.tech", "neon.tech.example.org",
                             "localhost", "", "/run/neon.tech/x"})
        CHECK_FALSE(is_neon_host(host));
}

TEST_CASE("the direct host is the pooler's without its suffix") {
    CHECK(direct_host("ep-x-pooler.eu-central-1.aws.neon.tech") ==
          "ep-x.eu-central-1.aws.neon.tech");
    CHECK(direct_host("EP-X-POOLER.neon.tech") == "EP-X.neon.tech");
    CHECK_FALSE(direct_host("ep-x.eu-central-1.aws.neon.tech"));
    CHECK_FALSE(direct_host("ep-x-pooler.example.org"));
    CHECK_FALSE(direct_host("-pooler.neon.tech"));
    CHECK_FALSE(direct_host("ep-x.a-pooler.neon.tech"));
}

TEST_CASE("another server's database is left alone") {
    const auto out = applied("host=db-pooler.example.org sslmode=disable");
    CHECK_FALSE(out.error);
    CHECK(out.notes.empty());
    CHECK(out.db.upstream.sslmode == sslmode::disable);
    CHECK(out.db.upstream.hosts[0].host == "db-pooler.example.org");
}

TEST_CASE("Neon's hosts are verified against the system's roots, whatever sslmode says") {
    for (const auto* mode : {"allow", "prefer", "require", "verify-ca", "verify-full"}) {
        CAPTURE(mode);
        const auto out = applied("host=ep-x.neon.tech sslmode=" + std::string{mode});
        CHECK_FALSE(out.error);
        CHECK(out.db.upstream.sslmode == sslmode::verify_full);
        CHECK(out.db.upstream.sslrootcert == "system");
    }
}

TEST_CASE("roots of one's own are kept for a host of Neon's") {
    const auto out = applied("host=ep-x.neon.tech sslmode=verify-ca sslrootcert=/root.crt");
    CHECK(out.db.upstream.sslmode == sslmode::verify_ca);
    CHECK(out.db.upstream.sslrootcert == "/root.crt");
}

TEST_CASE("a host of Neon's without TLS is an error") {
    const auto out = applied("host=ep-x.neon.tech sslmode=disable");
    REQUIRE(out.error);
    CHECK(to_string(*out.error) == "upstream: sslmode: found 'disable', but Neon accepts only TLS");
}

TEST_CASE("Neon's pooler is replaced by the direct host, and this is noted") {
    const auto out = applied(pooler_url);
    CHECK(out.db.upstream.hosts[0].host == "ep-x.eu-central-1.aws.neon.tech");
    CHECK(out.db.pool.mode == pool_mode::automatic);
    REQUIRE(out.notes.size() == 1);
    CHECK(out.notes[0] ==
          "database app: ep-x.eu-central-1.aws.neon.tech instead of "
          "ep-x-pooler.eu-central-1.aws.neon.tech, Neon's own pooler, behind which sessions cannot "
          "be kept");
}

TEST_CASE("an endpoint named as an option follows the host") {
    const auto out =
        applied(std::string{pooler_url} + "?options=endpoint%3Dep-x-pooler%20-c%20a%3Db");
    CHECK(out.db.upstream.options == "endpoint=ep-x -c a=b");
}

TEST_CASE("every host of a list is replaced") {
    const auto out = applied("host=ep-x-pooler.neon.tech,ep-y-pooler.neon.tech,ep-z.neon.tech");
    CHECK(out.db.upstream.hosts[0].host == "ep-x.neon.tech");
    CHECK(out.db.upstream.hosts[1].host == "ep-y.neon.tech");
    CHECK(out.db.upstream.hosts[2].host == "ep-z.neon.tech");
    CHECK(out.notes.size() == 2);
}

TEST_CASE("behind Neon's pooler, when it is kept, only transaction mode is possible") {
    const auto automatic = applied(pooler_url, neon_pooler::keep);
    CHECK(automatic.db.pool.mode == pool_mode::transaction);
    CHECK(automatic.db.upstream.hosts[0].host == "ep-x-pooler.eu-central-1.aws.neon.tech");
    CHECK(automatic.notes.size() == 1);

    const auto transaction = applied(pooler_url, neon_pooler::keep, pool_mode::transaction);
    CHECK_FALSE(transaction.error);
    CHECK(transaction.notes.empty());

    const auto session = applied(pooler_url, neon_pooler::keep, pool_mode::session);
    REQUIRE(session.error);
    CHECK(session.error->key == "pool.mode");
}
