#include "pgballast/wire/messages.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "bytes.hpp"

using namespace pgballast;
using namespace std::string_literals;
using wire::errc;
using wire::test::frame;
using wire::test::word;

TEST_CASE("ParameterStatus is written as it is read") {
    std::string out;
    wire::append_parameter_status(out, "TimeZone", "");
    CHECK(out == frame('S', "TimeZone\0\0"s));

    const auto status = wire::decode_parameter_status(wire::bytes{out}.substr(5)).value();
    CHECK(status.name == "TimeZone");
    CHECK(status.value.empty());
}

TEST_CASE("a zero byte ends a parameter's name and its value") {
    std::string out;
    wire::append_parameter_status(out, "a\0b"s, "c\0d"s);
    CHECK(out == frame('S', "a\0c\0"s));
}

TEST_CASE("ParameterStatus that is not two strings is refused") {
    const auto body = "name\0value\0"s;
    for (std::size_t size = 0; size < body.size(); ++size) {
        CAPTURE(size);
        CHECK(wire::decode_parameter_status(body.substr(0, size)).error() ==
              errc::missing_terminator);
    }
    CHECK(wire::decode_parameter_status(body + "x").error() == errc::trailing_bytes);
}

TEST_CASE("BackendKeyData has a key of 4 to 256 octets") {
    for (const std::size_t size : {4, 5, 32, 256}) {
        std::string out;
        const auto key = std::string(size, '\0');
        wire::append_backend_key(out, -7, key);
        CHECK(out == frame('K', word(0xfffffff9) + key));
        const auto decoded = wire::decode_backend_key(wire::bytes{out}.substr(5)).value();
        CHECK(decoded.pid == -7);
        CHECK(decoded.key == key);
    }
    for (std::size_t size = 0; size < 8; ++size)
        CHECK(wire::decode_backend_key(std::string(size, 'x')).error() == errc::bad_length);
    CHECK(wire::decode_backend_key(std::string(4 + 257, 'x')).error() == errc::bad_length);
}

TEST_CASE("ReadyForQuery knows three states and no other") {
    for (int octet = 0; octet < 256; ++octet) {
        const auto status = static_cast<char>(octet);
        CAPTURE(status);
        const auto decoded = wire::decode_ready_for_query({&status, 1});
        if (status != 'I' && status != 'T' && status != 'E') {
            CHECK(decoded.error() == errc::bad_message_type);
            continue;
        }
        std::string out;
        wire::append_ready_for_query(out, decoded.value());
        CHECK(out == frame('Z', {status}));
    }
    CHECK(wire::decode_ready_for_query("").error() == errc::bad_length);
    CHECK(wire::decode_ready_for_query("II").error() == errc::bad_length);
}

TEST_CASE("authentication requests carry a code and its data") {
    std::string out;
    wire::append_authentication(out, wire::auth_code::ok);
    CHECK(out == frame('R', word(0)));

    out.clear();
    wire::append_authentication(out, wire::auth_code::sasl_final, "v=x");
    const auto decoded = wire::decode_authentication(wire::bytes{out}.substr(5)).value();
    CHECK(decoded.code == wire::auth_code::sasl_final);
    CHECK(decoded.data == "v=x");
}

TEST_CASE("an authentication request without its whole code is refused") {
    for (std::size_t size = 0; size < 4; ++size)
        CHECK(wire::decode_authentication(std::string(size, '\0')).error() == errc::truncated);
}

TEST_CASE("a request of a method not known here is decoded, for the caller to refuse") {
    CHECK(wire::decode_authentication(word(7)).value().code == static_cast<wire::auth_code>(7));
    CHECK(wire::decode_authentication(word(0xffffffff)).value().code ==
          static_cast<wire::auth_code>(-1));
}

TEST_CASE("an md5 request has 4 octets of salt") {
    for (std::size_t size = 0; size < 8; ++size) {
        CAPTURE(size);
        const auto body = word(5) + std::string(size, '\0');
        const auto decoded = wire::decode_authentication(body);
        if (size == 4)
            CHECK(decoded.value().data == "\0\0\0\0"s);
        else
            CHECK(decoded.error() == errc::bad_length);
    }
}

TEST_CASE("SASL mechanisms are a list of strings that an empty one ends") {
    const auto list = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s;
    CHECK(wire::decode_sasl_mechanisms(list).value() ==
          std::vector<wire::bytes>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"});
    CHECK(wire::decode_sasl_mechanisms("\0"s).value().empty());

    for (std::size_t size = 0; size < list.size(); ++size) {
        CAPTURE(size);
        CHECK(wire::decode_sasl_mechanisms(list.substr(0, size)).error() ==
              errc::missing_terminator);
    }
    CHECK(wire::decode_sasl_mechanisms(list + "x").error() == errc::trailing_bytes);
    CHECK(wire::decode_sasl_mechanisms("\0\0"s).error() == errc::trailing_bytes);
}

TEST_CASE("SASLInitialResponse is written as it is read") {
    const auto response = GENERATE(as<std::string>{}, "", "n,,n=,r=x", "a\0b"s);
    std::string out;
    wire::append_sasl_initial_response(out, "SCRAM-SHA-256", response);
    const auto decoded = wire::decode_sasl_initial_response(wire::bytes{out}.substr(5)).value();
    CHECK(decoded.mechanism == "SCRAM-SHA-256");
    CHECK(decoded.response == response);
}

TEST_CASE("SASLInitialResponse may come without a response") {
    const auto body = "X\0"s + word(0xffffffff);
    const auto decoded = wire::decode_sasl_initial_response(body).value();
    CHECK(decoded.mechanism == "X");
    CHECK(decoded.response.empty());
    CHECK(wire::decode_sasl_initial_response(body + "x").error() == errc::trailing_bytes);
}

TEST_CASE("SASLInitialResponse cut short is refused") {
    const auto body = "X\0"s + word(3) + "abc";
    for (std::size_t size = 0; size < body.size(); ++size) {
        CAPTURE(size);
        CHECK(wire::decode_sasl_initial_response(body.substr(0, size)).has_error());
    }
    CHECK(wire::decode_sasl_initial_response(body + "d").error() == errc::trailing_bytes);
}

TEST_CASE("no size of a SASL response overflows") {
    const auto size =
        GENERATE(as<std::uint32_t>{}, 4, 0x7fffffff, 0x80000000, 0x80000003, 0xfffffffe);
    CAPTURE(size);
    const auto error = wire::decode_sasl_initial_response("X\0"s + word(size) + "abc").error();
    CHECK(error == (size < 0x80000000 ? errc::truncated : errc::bad_length));
}

TEST_CASE("answers to authentication requests differ in their terminator") {
    std::string out;
    wire::append_password(out, "pencil");
    CHECK(out == frame('p', "pencil\0"s));
    out.clear();
    wire::append_sasl_response(out, "c=biws");
    CHECK(out == frame('p', "c=biws"));
}

TEST_CASE("messages of one string or none are written") {
    std::string out;
    wire::append_query(out, "select 1");
    wire::append_sync(out);
    wire::append_terminate(out);
    wire::append_command_complete(out, "SELECT 1");
    CHECK(out ==
          frame('Q', "select 1\0"s) + frame('S', "") + frame('X', "") + frame('C', "SELECT 1\0"s));
}

TEST_CASE("NegotiateProtocolVersion lists what was not understood") {
    std::string out;
    wire::append_negotiate_protocol(out, 0, {"_pq_.a", "_pq_.b"});
    CHECK(out == frame('v', word(0) + word(2) + "_pq_.a\0_pq_.b\0"s));
    out.clear();
    wire::append_negotiate_protocol(out, 2, {});
    CHECK(out == frame('v', word(2) + word(0)));
}
