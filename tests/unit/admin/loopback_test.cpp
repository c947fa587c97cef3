#include "pgballast/admin/loopback.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using admin::is_loopback_host;

TEST_CASE("this machine is named by its loopback names and addresses, with any port") {
    for (const auto* host : {"localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "[::1]"})
        for (const auto* port : {"", ":", ":80", ":9632"}) {
            const auto field = std::string{host} + port;
            CAPTURE(field);
            CHECK(is_loopback_host(field, "127.0.0.1"));
        }
}

TEST_CASE("the host of admin.listen names this machine, too") {
    CHECK(is_loopback_host("admin.internal:9632", "admin.internal"));
    CHECK(is_loopback_host("Admin.Internal", "admin.internal"));
    CHECK_FALSE(is_loopback_host("admin.internal", "127.0.0.1"));
}

TEST_CASE("no other name names this machine") {
    for (const auto* field : {"",
                              ":",
                              ":9632",
                              "evil.example",
                              "evil.example:9632",
                              "localhost.evil.example",
                              "evil-localhost",
                              "127.0.0.1.evil.example",
                              "127.1",
                              "2130706433",
                              "0x7f000001",
                              "0.0.0.0",
                              "[::]",
                              "10.0.0.1",
                              "[fe80::1]",
                              "::1",
                              "[::1",
                              "[]",
                              "[::1]9632",
                              "localhost:evil",
                              "localhost:80:80",
                              "user@localhost",
                              "localhost/",
                              " localhost",
                              "127.0.0.1 "}) {
        CAPTURE(field);
        CHECK_FALSE(is_loopback_host(field, "127.0.0.1"));
    }
}

TEST_CASE("loopback addresses may be listened on") {
    for (const auto* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
        CAPTURE(host);
        const auto found = admin::loopback_endpoint({host, 9632});
        REQUIRE(found.has_value());
        CHECK(found->address().is_loopback());
        CHECK(found->port() == 9632);
    }
}

TEST_CASE("an address that others reach is refused, with the key's name") {
    for (const auto* host : {"0.0.0.0", "192.0.2.1", "::", "2001:db8::1"}) {
        const auto found = admin::loopback_endpoint({host, 9632});
        REQUIRE_FALSE(found.has_value());
        const auto text = config::to_string(found.error());
        CHECK_THAT(text, Catch::StartsWith("admin.listen: "));
        CHECK_THAT(text, Catch::Contains(host));
        CHECK_THAT(text, Catch::Contains("127.0.0.1:9632"));
    }
    CHECK_THAT(config::to_string(admin::loopback_endpoint({"::", 1}).error()),
               Catch::StartsWith("admin.listen: [::]:1: "));
}

TEST_CASE("an address that is none is refused, with the key's name") {
    const std::string too_long_to_be_looked_up(300, 'x');
    const auto found = admin::loopback_endpoint({too_long_to_be_looked_up, 9632});
    REQUIRE_FALSE(found.has_value());
    CHECK_THAT(config::to_string(found.error()), Catch::StartsWith("admin.listen: "));
}
