#include "pgballast/sql/ping.hpp"

#include <catch2/catch.hpp>
#include <string>

using pgballast::sql::ping;
using pgballast::sql::pings_in;
using pings = std::vector<ping>;

TEST_CASE("what drivers' pools send is known, however it is written") {
    CHECK(pings_in("") == pings{ping::empty});
    CHECK(pings_in(" ;; ") == pings{ping::empty});
    CHECK(pings_in("-- ping") == pings{ping::empty});
    CHECK(pings_in("/* ping */ SELECT 1") == pings{ping::one});
    CHECK(pings_in("select\n1;") == pings{ping::one});
    CHECK(pings_in("ROLLBACK") == pings{ping::rollback});
    CHECK(pings_in("abort;") == pings{ping::rollback});
    CHECK(pings_in("DISCARD ALL") == pings{ping::discard_all});
    CHECK(pings_in("UNLISTEN *") == pings{ping::unlisten_all});
    CHECK(pings_in("deallocate prepare all") == pings{ping::deallocate_all});
    CHECK(pings_in("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;") ==
          pings{ping::unlock_all, ping::close_all, ping::unlisten_all, ping::reset});
    CHECK(pings_in("RESET SESSION AUTHORIZATION; DISCARD SEQUENCES;DISCARD TEMP; DISCARD PLANS") ==
          pings{ping::reset, ping::discard_sequences, ping::discard_temp, ping::discard_plans});
}

TEST_CASE("nothing else is taken for a ping") {
    for (const std::string text : {"select 2",
                                   "select 1.0",
                                   "select 1, 1",
                                   "select $1",
                                   "select '1'",
                                   "\"select\" 1",
                                   "select 1 from t",
                                   "rollback to s",
                                   "rollback and chain",
                                   "rollback prepared 'x'",
                                   "discard",
                                   "reset all plans",
                                   "unlisten x",
                                   "unlisten",
                                   "deallocate s",
                                   "close c",
                                   "select pg_advisory_unlock_all(1)",
                                   "select 1; select f()",
                                   "select 1 -- ; drop\n, f()",
                                   "set session authorization app",
                                   "select e'\\1'",
                                   "select 1 /* open",
                                   "begin"}) {
        CAPTURE(text);
        CHECK(pings_in(text).empty());
    }
}

TEST_CASE("what may stand only alone is no ping beside others") {
    CHECK(pings_in("discard all; select 1").empty());
    CHECK(pings_in("select 1; rollback").empty());
    CHECK(pings_in("rollback; rollback").empty());
    CHECK(pings_in(";rollback;") == pings{ping::rollback});
}
