#include "pgballast/wire/frame.hpp"

#include <catch2/catch.hpp>

#include "bytes.hpp"

using namespace pgballast;
using namespace std::string_literals;
using wire::test::word;

TEST_CASE("a frame header is decoded only once it is whole") {
    const auto query = "Q\0\0\0\x0dselect 1\0"s;

    for (std::size_t size = 0; size < wire::header_size; ++size) {
        CAPTURE(size);
        CHECK_FALSE(wire::decode_frame_header(query.substr(0, size), 64).value());
    }
    for (auto size = wire::header_size; size <= query.size(); ++size) {
        CAPTURE(size);
        const auto header = wire::decode_frame_header(query.substr(0, size), 64).value();
        REQUIRE(header);
        CHECK(header->type == 'Q');
        CHECK(header->body_size == 9);
        CHECK(header->frame_size() == query.size());
    }
}

TEST_CASE("a frame may have no body") {
    const auto header = wire::decode_frame_header("S\0\0\0\x04"s, 0).value();
    REQUIRE(header);
    CHECK(header->body_size == 0);
    CHECK(header->frame_size() == wire::header_size);
}

TEST_CASE("any octet is a message type to the framing") {
    for (int type = 0; type < 256; ++type) {
        const auto octet = static_cast<char>(type);
        CHECK(wire::decode_frame_header(octet + word(4)).value()->type == octet);
    }
}

TEST_CASE("a length word that does not count itself is refused") {
    for (std::uint32_t length = 0; length < 4; ++length) {
        CAPTURE(length);
        CHECK(wire::decode_frame_header("Q" + word(length)).error() == wire::errc::bad_length);
    }
}

TEST_CASE("a body is bounded by what the caller allows") {
    CHECK(wire::decode_frame_header("Q" + word(4 + 64), 64).value()->body_size == 64);
    CHECK(wire::decode_frame_header("Q" + word(4 + 65), 64).error() == wire::errc::bad_length);
    CHECK(wire::decode_frame_header("Q" + word(5), 0).error() == wire::errc::bad_length);
}

TEST_CASE("no length word overflows") {
    const auto max = wire::body_size_max + 4;
    CHECK(wire::decode_frame_header("d" + word(max)).value()->body_size == wire::body_size_max);
    const auto length = GENERATE_COPY(max + 1, 0x7fffffffu, 0x80000000u, 0x80000003u, 0xfffffffbu,
                                      0xfffffffcu, 0xffffffffu);
    CAPTURE(length);
    CHECK(wire::decode_frame_header("d" + word(length)).error() == wire::errc::bad_length);

    // Not even where the caller sets no bound of his own.
    const auto header = wire::decode_frame_header("d" + word(length), 0xffffffff).value();
    CHECK(header->frame_size() == std::uint64_t{length} + 1);
}
