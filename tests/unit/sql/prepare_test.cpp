#include "pgballast/sql/prepare.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::sql;

TEST_CASE("the name of what a text prepares, if it does nothing else") {
    CHECK(prepared("PREPARE s AS select 1") == "s");
    CHECK(prepared(" prepare\nMyStatement (int, text) as insert into t values ($1, $2);") ==
          "mystatement");
    CHECK(prepared(R"(prepare "My's" as select ';')") == "My's");
    CHECK_FALSE(prepared("prepare s as select 1; select f()"));
    CHECK_FALSE(prepared("select 1; prepare s as select 1"));
    CHECK_FALSE(prepared("prepare transaction 'x'"));
    CHECK_FALSE(prepared("prepare s"));
    CHECK_FALSE(prepared("prepare s as select e'\\''"));  // not understood
    CHECK_FALSE(prepared("select 1"));
    CHECK_FALSE(prepared(""));
}

TEST_CASE("the name of what a text deallocates, if it does nothing else") {
    CHECK(deallocated("DEALLOCATE s") == "s");
    CHECK(deallocated("deallocate prepare S;") == "s");
    CHECK(deallocated("deallocate prepare") == "prepare");
    CHECK_FALSE(deallocated("deallocate all"));
    CHECK_FALSE(deallocated("deallocate s; select 1"));
    CHECK(may_deallocate("discard all"));
    CHECK_FALSE(may_deallocate("select 1"));
}
