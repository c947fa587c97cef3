#include "pgballast/wire/writer.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

#include "bytes.hpp"
#include "pgballast/wire/reader.hpp"

using namespace pgballast;
using namespace std::string_literals;

TEST_CASE("a message has its length filled in") {
    std::string out;
    wire::message{out, 'Q'}.cstring("select 1");
    CHECK(out == "Q\0\0\0\x0dselect 1\0"s);
}

TEST_CASE("a message is appended to what is there") {
    std::string out;
    wire::message{out, 'S'};
    wire::message{out, 'X'};
    CHECK(out == "S\0\0\0\x04X\0\0\0\x04"s);
}

TEST_CASE("a packet of the start-up phase has no type byte") {
    auto out = "before"s;
    wire::message{out}.i32(80877103);
    CHECK(out == "before\0\0\0\x08\x04\xd2\x16\x2f"s);
}

TEST_CASE("a reader reads what a message was made of") {
    const auto large = std::string(70000, 'x');
    std::string out;
    wire::message{out, 't'}
        .u8(200)
        .i16(std::numeric_limits<std::int16_t>::min())
        .i16(-1)
        .i32(std::numeric_limits<std::int32_t>::min())
        .i32(std::numeric_limits<std::int32_t>::max())
        .cstring("")
        .cstring(large)
        .view("a\0b"s);

    const auto header = wire::decode_frame_header(out).value();
    REQUIRE(header);
    REQUIRE(header->frame_size() == out.size());
    wire::reader in{wire::bytes{out}.substr(wire::header_size)};
    CHECK(in.u8() == 200);
    CHECK(in.i16() == std::numeric_limits<std::int16_t>::min());
    CHECK(in.i16() == -1);
    CHECK(in.i32() == std::numeric_limits<std::int32_t>::min());
    CHECK(in.i32() == std::numeric_limits<std::int32_t>::max());
    CHECK(in.cstring().empty());
    CHECK(in.cstring() == large);
    CHECK(in.rest() == "a\0b"s);
    CHECK_FALSE(in.finish());
}
