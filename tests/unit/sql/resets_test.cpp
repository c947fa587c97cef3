#include "pgballast/sql/resets.hpp"

#include <catch2/catch.hpp>

using pgballast::sql::resets_in;
using names = std::vector<std::string>;

TEST_CASE("a text returns to their values at login what it says") {
    CHECK(resets_in("reset work_mem").names == names{"work_mem"});
    CHECK(resets_in("RESET \"TimeZone\";").names == names{"timezone"});
    CHECK(resets_in("reset time zone").names == names{"timezone"});
    CHECK(resets_in("set time zone local").names == names{"timezone"});
    CHECK(resets_in("set session time zone default").names == names{"timezone"});
    CHECK(resets_in("set timezone = default").names == names{"timezone"});
    CHECK(resets_in("set names default").names == names{"client_encoding"});
    CHECK(resets_in("set session \"A\".\"b\" to DEFAULT").names == names{"a.b"});
    CHECK(resets_in("reset app.tenant").names == names{"app.tenant"});
    CHECK(resets_in("reset role").names == names{"role"});
    CHECK(resets_in("reset session.user_id").names == names{"session.user_id"});
    CHECK(resets_in("set time.x to default").names == names{"time.x"});
    CHECK(resets_in("set session names.x to default").names == names{"names.x"});
    CHECK(resets_in("reset session.user_id").names == names{"session.user_id"});
    CHECK(resets_in("set time.x to default").names == names{"time.x"});
    CHECK(resets_in("set session names.x to default").names == names{"names.x"});
    CHECK(resets_in("begin; reset a; set b to default; reset a; commit").names == names{"a", "b"});
    for (const std::string text :
         {"reset session authorization", "set session authorization default",
          "set session session authorization default"})
        CHECK(resets_in(text).names == names{"role", "session_authorization"});
}

TEST_CASE("RESET ALL spares who one is, DISCARD ALL does not") {
    CHECK(resets_in("reset all").all);
    CHECK(resets_in("reset all").contains("WORK_MEM"));
    CHECK_FALSE(resets_in("reset all").contains("role"));
    CHECK(resets_in("discard all").contains("Role"));
    CHECK(resets_in("discard all").contains("app.x"));
    CHECK(resets_in("discard plans").empty());
}

TEST_CASE("what is set, or is of the transaction only, is not reset") {
    for (const std::string text :
         {"set work_mem to '1MB'", "set a = 1", "set local a to default", "set role none",
          "set session authorization app", "set time zone 'UTC'", "select 'reset all'", "reset",
          "set", "set local time zone default", "begin", "", "set a to b", "show all",
          "set session characteristics as transaction read only"}) {
        CAPTURE(text);
        CHECK(resets_in(text).empty());
    }
}

TEST_CASE("too many names are all of them") {
    std::string text;
    for (int number = 0; number < 65; ++number)
        text += "reset a" + std::to_string(number) + ";";
    CHECK(resets_in(text).contains("role"));
    CHECK(resets_in(text).contains("anything"));
}

TEST_CASE("a text that is not understood may reset anything") {
    CHECK(resets_in("do $$ begin reset all; end $$").contains("role"));
    CHECK(resets_in("set a to '\\'; set b to default").all);
    CHECK(resets_in("set a to '\\'").empty());
}
