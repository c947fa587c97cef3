// ErrorResponse and NoticeResponse.
#include <catch2/catch.hpp>
#include <string>

#include "bytes.hpp"
#include "pgballast/wire/messages.hpp"

using namespace pgballast;
using namespace std::string_literals;

namespace {

const auto body =
    "SFEHLER\0VERROR\0C42P01\0Mno such table\0Da detail\0Ha hint\0P15\0Fparse.c\0L1\0Rf\0\0"s;

/// The body of the only message in `out`.
std::string body_of(const std::string& out) {
    const auto header = wire::decode_frame_header(out).value();
    REQUIRE(header);
    REQUIRE(header->frame_size() == out.size());
    return out.substr(wire::header_size);
}

}  // namespace

TEST_CASE("the fields of an error are read, those of no interest passed over") {
    const auto fields = wire::decode_error_fields(body);
    CHECK(fields.severity == "ERROR");
    CHECK(fields.sqlstate == "42P01");
    CHECK(fields.message == "no such table");
    CHECK(fields.detail == "a detail");
    CHECK(fields.hint == "a hint");
    CHECK_FALSE(fields.fatal());
}

TEST_CASE("an error may lack any field, its SQLSTATE too") {
    const auto refusal = "SFATAL\0Mno more\0\0"s;
    const auto fields = wire::decode_error_fields(refusal);
    CHECK(fields.severity == "FATAL");
    CHECK(fields.fatal());
    CHECK(fields.sqlstate.empty());
    CHECK(fields.message == "no more");

    for (const auto& nothing : {""s, "\0"s}) {
        const auto none = wire::decode_error_fields(nothing);
        CHECK(none.severity.empty());
        CHECK_FALSE(none.fatal());
        CHECK(none.message.empty());
    }
}

TEST_CASE("the severity that is never translated wins wherever it stands") {
    CHECK(wire::decode_error_fields("SFATAL\0VERROR\0\0"s).severity == "ERROR");
    CHECK(wire::decode_error_fields("VPANIC\0SERROR\0\0"s).fatal());
}

TEST_CASE("of an error cut short the whole fields are read") {
    for (std::size_t size = 0; size <= body.size(); ++size) {
        CAPTURE(size);
        const auto part = body.substr(0, size);
        const auto fields = wire::decode_error_fields(part);
        const auto whole = [&](const std::string& field) {
            return part.find(field) != std::string::npos;
        };
        CHECK(fields.sqlstate == (whole("C42P01\0"s) ? "42P01" : ""));
        CHECK(fields.message == (whole("Mno such table\0"s) ? "no such table" : ""));
        CHECK(fields.detail == (whole("Da detail\0"s) ? "a detail" : ""));
        CHECK(fields.hint == (whole("Ha hint\0"s) ? "a hint" : ""));
    }
}

TEST_CASE("nothing behind the end of an error is read") {
    CHECK(wire::decode_error_fields("SERROR\0\0Mhidden\0\0"s).message.empty());
}

TEST_CASE("an error is written as it is read") {
    std::string out;
    wire::append_error(out, {"FATAL", "28P01", "no", "why", "what now"});
    CHECK(out.front() == 'E');
    CHECK(body_of(out) == "SFATAL\0VFATAL\0C28P01\0Mno\0Dwhy\0Hwhat now\0\0"s);

    const auto text = body_of(out);
    const auto fields = wire::decode_error_fields(text);
    CHECK(fields.severity == "FATAL");
    CHECK(fields.sqlstate == "28P01");
    CHECK(fields.message == "no");
    CHECK(fields.detail == "why");
    CHECK(fields.hint == "what now");
}

TEST_CASE("a notice is written without the fields it lacks") {
    std::string out;
    wire::append_notice(out, {.severity = "NOTICE", .sqlstate = "00000", .message = "waiting"});
    CHECK(out == wire::test::frame('N', "SNOTICE\0VNOTICE\0C00000\0Mwaiting\0\0"s));
}

TEST_CASE("a zero byte ends a text and not the message") {
    std::string out;
    wire::append_error(out, {"ERROR", "XX000", "a\0b"s, "\0c"s, "d"});
    const auto text = body_of(out);
    const auto fields = wire::decode_error_fields(text);
    CHECK(fields.message == "a");
    CHECK(fields.detail.empty());
    CHECK(fields.hint == "d");
}
