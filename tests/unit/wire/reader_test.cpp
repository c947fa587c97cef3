#include "pgballast/wire/reader.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

using namespace pgballast;
using namespace std::string_literals;

TEST_CASE("a reader takes fields in order") {
    const auto body = "\xff\xff\xfe\x80\x00\x00\x00name\0\0octets"s;
    wire::reader in{body};
    CHECK(in.u8() == 255);
    CHECK(in.i16() == -2);
    CHECK(in.i32() == std::numeric_limits<std::int32_t>::min());
    CHECK(in.cstring() == "name");
    CHECK(in.cstring().empty());
    CHECK(in.view(3) == "oct");
    CHECK_FALSE(in.empty());
    CHECK(in.rest() == "ets");
    CHECK(in.empty());
    CHECK(in.good());
    CHECK_FALSE(in.finish());
}

TEST_CASE("a reader of an empty body is at its end") {
    wire::reader in{{}};
    CHECK(in.empty());
    CHECK(in.rest().empty());
    CHECK(in.view(0).empty());
    CHECK_FALSE(in.finish());
}

TEST_CASE("a number that is not whole is zero and an error") {
    const auto body = "\xff\xff\xff"s;
    for (std::size_t size = 0; size < 4; ++size) {
        CAPTURE(size);
        wire::reader words{wire::bytes{body}.substr(0, size)};
        CHECK(words.i32() == 0);
        CHECK(words.finish() == wire::errc::truncated);
        if (size < 2) {
            wire::reader halves{wire::bytes{body}.substr(0, size)};
            CHECK(halves.i16() == 0);
            CHECK(halves.finish() == wire::errc::truncated);
        }
    }
    wire::reader octets{{}};
    CHECK(octets.u8() == 0);
    CHECK(octets.finish() == wire::errc::truncated);
}

TEST_CASE("a string without its terminator is empty and an error") {
    const auto body = GENERATE(as<std::string>{}, "", "n", "name");
    wire::reader in{body};
    CHECK(in.cstring().empty());
    CHECK(in.finish() == wire::errc::missing_terminator);
}

TEST_CASE("no size makes a view pass the end") {
    const auto size = GENERATE(as<std::size_t>{}, 4, 0x7fffffff, 0x80000000, 0xffffffff,
                               std::numeric_limits<std::size_t>::max());
    wire::reader in{"abc"};
    CHECK(in.view(size).empty());
    CHECK(in.finish() == wire::errc::truncated);
}

TEST_CASE("after its first error a reader reads nothing more and tells that error") {
    wire::reader in{"abc"};
    in.i32();
    CHECK_FALSE(in.good());
    CHECK(in.empty());
    CHECK(in.u8() == 0);
    CHECK(in.i16() == 0);
    CHECK(in.i32() == 0);
    CHECK(in.cstring().empty());
    CHECK(in.view(1).empty());
    CHECK(in.rest().empty());
    CHECK(in.finish() == wire::errc::truncated);
}

TEST_CASE("bytes behind the last field are an error") {
    const auto body = "name\0x"s;
    wire::reader in{body};
    in.cstring();
    CHECK(in.good());
    CHECK(in.finish() == wire::errc::trailing_bytes);
    CHECK_FALSE(in.good());
}
