#include "pgballast/wire/startup.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

#include "bytes.hpp"

using namespace pgballast;
using namespace std::string_literals;
using wire::errc;
using wire::test::packet;
using wire::test::word;

namespace {

const auto v3 = word(3 << 16);
const auto ssl = word(80877103);
const auto gssenc = word(80877104);
const auto cancel = word(80877102);

boost::system::error_code error_of(const std::string& in) {
    return wire::decode_startup(in).error();
}

template <typename Packet>
Packet decoded_as(const std::string& in) {
    const auto decoded = wire::decode_startup(in).value();
    REQUIRE(decoded);
    REQUIRE(decoded->size == in.size());
    return std::get<Packet>(decoded->packet);
}

}  // namespace

TEST_CASE("a startup packet is decoded only once it is whole") {
    const auto whole =
        GENERATE_COPY(packet(v3 + "user\0app\0\0"s), packet(ssl), packet(gssenc),
                      packet(cancel + word(7) + "key!"), packet(cancel + word(7) + "longer key"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(wire::decode_startup(whole.substr(0, size)).value());
    }
    CHECK(wire::decode_startup(whole).value()->size == whole.size());
}

TEST_CASE("bytes behind a startup packet are left alone") {
    const auto decoded = wire::decode_startup(packet(ssl) + "injected").value();
    CHECK(decoded->size == 8);
    CHECK(std::holds_alternative<wire::ssl_request>(decoded->packet));
}

TEST_CASE("parameters are kept in order, empty values too") {
    const auto startup =
        decoded_as<wire::startup_message>(packet(v3 + "user\0app\0options\0\0database\0db\0\0"s));
    CHECK(startup.protocol == wire::protocol_3_0);
    CHECK(startup.parameters ==
          decltype(startup.parameters){{"user", "app"}, {"options", ""}, {"database", "db"}});
    CHECK(startup.get("database") == "db");
    CHECK(startup.get("options").empty());
    CHECK(startup.get("User").empty());
}

TEST_CASE("a startup message may have no parameters, no user even") {
    CHECK(decoded_as<wire::startup_message>(packet(v3 + "\0"s)).parameters.empty());
}

TEST_CASE("a newer minor version and its options are told") {
    const auto startup = decoded_as<wire::startup_message>(
        packet(word((3 << 16) | 2) + "_pq_.a\0"
                                     "1\0user\0app\0_pq_.b\0\0_pq\0\0\0"s));
    CHECK(startup.protocol == ((3 << 16) | 2));
    CHECK(startup.protocol_options() == std::vector<std::string>{"_pq_.a", "_pq_.b"});
}

TEST_CASE("requests for encryption have no body") {
    decoded_as<wire::ssl_request>(packet(ssl));
    decoded_as<wire::gssenc_request>(packet(gssenc));
    CHECK(error_of(packet(ssl + "x")) == errc::bad_length);
    CHECK(error_of(packet(gssenc + "\0"s)) == errc::bad_length);
}

TEST_CASE("a cancel request has a key of 4 to 256 octets") {
    for (const std::size_t size : {4, 5, 256}) {
        const auto request = decoded_as<wire::cancel_request>(
            packet(cancel + word(0x80000000) + std::string(size, '\xff')));
        CHECK(request.pid == std::numeric_limits<std::int32_t>::min());
        CHECK(request.key == std::string(size, '\xff'));
    }
    for (std::size_t size = 0; size < 8; ++size)
        CHECK(error_of(packet(cancel + std::string(size, 'x'))) == errc::bad_length);
    CHECK(error_of(packet(cancel + std::string(4 + 257, 'x'))) == errc::bad_length);
}

TEST_CASE("the length of a startup packet is judged as soon as it is there") {
    for (std::uint32_t size = 0; size < 8; ++size)
        CHECK(error_of(word(size)) == errc::bad_length);
    CHECK_FALSE(wire::decode_startup(word(8)).value());
    CHECK_FALSE(wire::decode_startup(word(10000)).value());
    for (const std::uint32_t size : {10001u, 0x7fffffffu, 0x80000000u, 0x80000008u, 0xffffffffu})
        CHECK(error_of(word(size)) == errc::bad_length);
}

TEST_CASE("a packet of the greatest size is decoded") {
    const auto user = std::string(10000 - 4 - 4 - 5 - 1 - 1, 'u');
    const auto whole = packet(v3 + "user\0"s + user + "\0\0"s);
    REQUIRE(whole.size() == 10000);
    CHECK(decoded_as<wire::startup_message>(whole).get("user") == user);
}

TEST_CASE("another protocol is told from a length that is none") {
    CHECK(error_of("GET / HTTP/1.1\r\n\r\n") == errc::bad_length);
    CHECK(error_of("\x16\x03\x01\x02\x00\x01\x00\x01"s) == errc::bad_length);  // a ClientHello
}

TEST_CASE("only the third major version is spoken") {
    const auto code = GENERATE(as<std::uint32_t>{}, 0, 1, 2 << 16, 0x0002ffff, 4 << 16, 0x80030000,
                               0xffffffff, 80877101, 80877105, 1234 << 16);
    CAPTURE(code);
    CHECK(error_of(packet(word(code) + "user\0app\0\0"s)) == errc::unknown_protocol);
}

TEST_CASE("a parameter given twice is refused") {
    CHECK(error_of(packet(v3 + "user\0a\0x\0\0user\0b\0\0"s)) == errc::duplicate_parameter);
}

TEST_CASE("parameters that do not fill their packet are refused") {
    const auto parameters = "user\0app\0\0"s;
    for (std::size_t size = 0; size < parameters.size(); ++size) {
        CAPTURE(size);
        CHECK(error_of(packet(v3 + parameters.substr(0, size))) == errc::missing_terminator);
    }
    CHECK(error_of(packet(v3 + parameters + "x")) == errc::trailing_bytes);
    CHECK(error_of(packet(v3 + "\0user\0app\0\0"s)) == errc::trailing_bytes);
}

TEST_CASE("startup packets are written as they are read") {
    const wire::startup_message startup{wire::protocol_3_0, {{"user", "app"}, {"options", ""}}};
    CHECK(wire::encode_startup(startup) == packet(v3 + "user\0app\0options\0\0\0"s));
    CHECK(wire::encode_ssl_request() == packet(ssl));
    CHECK(wire::encode_cancel_request({7, "key!"}) == packet(cancel + word(7) + "key!"));
}
