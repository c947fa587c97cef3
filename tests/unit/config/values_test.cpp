#include "pgballast/config/values.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::config;
using namespace std::literals;

TEST_CASE("durations carry units") {
    CHECK(parse_duration("0") == 0ms);
    CHECK(parse_duration("0s") == 0ms);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("1h") == 1h);
    CHECK(parse_duration("1000d") == duration_max);
    for (const auto text :
         {""sv, "5"sv, "s"sv, "-1s"sv, "1.5s"sv, "1 s"sv, " 1s"sv, "1S"sv, "1001d"sv,
          "99999999999999999999s"sv, "18446744073709551615d"sv, "1s1"sv}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("sizes are bytes or carry binary units") {
    CHECK(parse_size("4096") == 4096u);
    CHECK(parse_size("64KiB") == 65536u);
    CHECK(parse_size("1MiB") == 1048576u);
    CHECK(parse_size("1GiB") == 1073741824u);
    for (const auto text :
         {""sv, "MiB"sv, "1MB"sv, "1kb"sv, "-1"sv, "1.5MiB"sv, "18446744073709551615GiB"sv}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text));
    }
}

TEST_CASE("booleans are YAML's words") {
    for (const auto text : {"true"sv, "yes"sv, "on"sv})
        CHECK(parse_bool(text) == true);
    for (const auto text : {"false"sv, "no"sv, "off"sv})
        CHECK(parse_bool(text) == false);
    for (const auto text : {""sv, "1"sv, "TRUE"sv})
        CHECK_FALSE(parse_bool(text).has_value());
}

TEST_CASE("an address to listen on is a host and port, or a directory") {
    CHECK(parse_listen("127.0.0.1:6432").value() == endpoint{"127.0.0.1", 6432});
    CHECK(parse_listen("localhost:0").value() == endpoint{"localhost", 0});
    CHECK(parse_listen("[::1]:65535").value() == endpoint{"::1", 65535});
    CHECK(parse_listen("unix:/run/pgballast").value() == endpoint{"/run/pgballast", 6432});
    CHECK(parse_listen("unix:/run/pgballast:5432").value() == endpoint{"/run/pgballast", 5432});
    CHECK(parse_listen("unix:/a:b").value() == endpoint{"/a:b", 6432});
    CHECK(parse_listen("unix:/" + std::string(91, 'd')).has_value());
    for (const auto& text :
         {""s, "6432"s, ":6432"s, "localhost"s, "localhost:"s, "localhost:65536"s, "::1:6432"s,
          "[::1]"s, "[]:1"s, "[localhost]:1"s, "a b:1"s, "/run:1"s, "unix:"s, "unix:run"s,
          "unix:/run:0"s, "unix:/run:65536"s, "unix:/" + std::string(92, 'd'), "a:+1"s}) {
        CAPTURE(text);
        CHECK(parse_listen(text).has_error());
    }
    CHECK(parse_listen("6432").error().message ==
          "found '6432', expected host:port, [IPv6]:port or unix:/directory");
}

TEST_CASE("the admin port may be off, and is no Unix socket") {
    CHECK_FALSE(parse_admin_listen("off").value());
    CHECK(parse_admin_listen("[::1]:0").value() == endpoint{"::1", 0});
    CHECK(parse_admin_listen("unix:/run").has_error());
    CHECK(parse_admin_listen("9632").has_error());
}
