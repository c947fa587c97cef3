#include "pgballast/auth/md5.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::string_view_literals;

// Computed with Python's hashlib; the inner hash is what PostgreSQL 15 keeps for
// `create role m5 password 'pencil'`.
TEST_CASE("the md5 answer is PostgreSQL's") {
    CHECK(auth::md5_response("m5", "pencil", "\x01\x02\x03\x04").value() ==
          "md57b9bc2bb918b9be0717afa0d21067716");
}

TEST_CASE("the md5 answer may need no user, no password and a salt of zeros") {
    CHECK(auth::md5_response("", "", "\0\0\0\0"sv).value() ==
          "md591b86670dcd47857d222fa05653500aa");
}
