#include "pgballast/wire/prepared.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "bytes.hpp"

using namespace pgballast;
using namespace std::string_literals;
using wire::bytes;
using wire::errc;
using wire::test::frame;

namespace {

struct example {
    std::string message;
    std::size_t front;    // bytes up to the end of the names
    std::string renamed;  // to "new"
};

/// Messages that speak of a statement: "old", or the unnamed one.
std::vector<example> examples() {
    const auto definition = "select 1\0\0\2\0\0\0\x17\0\0\0\x19"s;
    const auto parse = [&](const std::string& name) {
        return frame('P', name + '\0' + definition);
    };
    const auto values = "\0\0\0\1\0\0\0\1x\0\0"s;
    return {
        {parse("old"), 9, parse("new")},
        {frame('P', "\0\0\0\0"s), 6, frame('P', "new\0\0\0\0"s)},
        {frame('B', "portal\0old\0"s + values), 16, frame('B', "portal\0new\0"s + values)},
        {frame('B', "\0\0"s + values), 7, frame('B', "\0new\0"s + values)},
        {frame('D', "Sold\0"s), 10, frame('D', "Snew\0"s)},
        {frame('D', "S\0"s), 7, frame('D', "Snew\0"s)},
        {frame('C', "Sold\0"s), 10, frame('C', "Snew\0"s)},
        {frame('C', "S\0"s), 7, frame('C', "Snew\0"s)},
    };
}

errc error_of(const std::string& message) {
    const auto found = wire::decode_subject(message);
    REQUIRE(found.has_error());
    return static_cast<errc>(found.error().value());
}

bool waits(const std::string& front) {
    return !wire::decode_subject(front).value();
}

}  // namespace

TEST_CASE("a message is renamed as soon as its names are there") {
    for (const auto& [message, front, renamed] : examples()) {
        CAPTURE(message);
        for (std::size_t size = 0; size < front; ++size)
            CHECK(waits(message.substr(0, size)));
        for (std::size_t size = front; size <= message.size(); ++size) {
            CAPTURE(size);
            const auto part = message.substr(0, size);
            const auto found = wire::decode_subject(part).value();
            REQUIRE(found);
            CHECK(found->size == front);
            CHECK(found->header.type == message.front());
            std::string out = "before";
            wire::append_renamed_front(out, *found, "new");
            CHECK(out + message.substr(front) == "before" + renamed);
        }
    }
}

TEST_CASE("what comes behind a message is not read") {
    for (const auto& [message, front, renamed] : examples()) {
        const auto found = wire::decode_subject(message + "S\0\0\0\4"s).value();
        REQUIRE(found);
        CHECK(found->size == front);
    }
    CHECK(error_of(frame('P', "old") + "\0\0"s) == errc::missing_terminator);
    CHECK(error_of(frame('D', "") + "S\0"s) == errc::truncated);
}

TEST_CASE("each message says which statement and which portal it means") {
    const auto subject_of = [](const std::string& message) {
        return wire::decode_subject(message).value().value();
    };
    const auto bind = frame('B', "p\0s\0\0\0\0\0\0\0"s);
    CHECK(subject_of(bind).portal == "p");
    CHECK(subject_of(bind).statement == "s");

    const auto unnamed = frame('B', "\0\0\0\0\0\0\0\0"s);
    CHECK(subject_of(unnamed).portal == "");
    CHECK(subject_of(unnamed).statement == "");

    for (const char type : {'D', 'C'}) {
        const auto statement = frame(type, "Sname\0"s);
        CHECK(subject_of(statement).statement == "name");
        CHECK_FALSE(subject_of(statement).portal);
        const auto portal = frame(type, "Pname\0"s);
        CHECK(subject_of(portal).portal == "name");
        CHECK_FALSE(subject_of(portal).statement);
        CHECK(subject_of(portal).size == portal.size());
    }
    const auto execute = frame('E', "p\0\0\0\0\1"s);
    CHECK(subject_of(execute).portal == "p");
    CHECK_FALSE(subject_of(execute).statement);
    CHECK(subject_of(execute).size == 7);

    for (const char type : {'Q', 'S', 'H', 'd', 'X'}) {
        const auto other = frame(type, "select 1\0"s);
        CHECK_FALSE(subject_of(other).portal);
        CHECK_FALSE(subject_of(other).statement);
        CHECK(subject_of(other).size == wire::header_size);
    }
}

TEST_CASE("a body that ends within its names is refused once it is whole") {
    for (const auto& one : examples()) {
        for (std::size_t size = wire::header_size; size < one.front; ++size) {
            const auto body = one.message.substr(wire::header_size, size - wire::header_size);
            CAPTURE(one.message, size);
            const bool nameless = body.empty() && (one.message[0] == 'D' || one.message[0] == 'C');
            CHECK(error_of(frame(one.message[0], body)) ==
                  (nameless ? errc::truncated : errc::missing_terminator));
        }
    }
    CHECK(error_of(frame('E', "portal")) == errc::missing_terminator);
    CHECK(error_of("B\0\0\0\3"s) == errc::bad_length);
}

TEST_CASE("Describe and Close name a statement or a portal, and nothing else") {
    for (const char type : {'D', 'C'}) {
        for (int kind = 0; kind < 256; ++kind)
            if (kind != 'S' && kind != 'P')
                CHECK(error_of(frame(type, static_cast<char>(kind) + "x\0"s)) ==
                      errc::bad_message_type);
        CHECK(error_of(frame(type, "Sx\0y"s)) == errc::trailing_bytes);
        CHECK(error_of(frame(type, "Px\0\0"s)) == errc::trailing_bytes);
    }
}

TEST_CASE("names have a limit, so that nobody waits for their end for ever") {
    const auto longest = std::string(wire::names_max - 1, 'n') + '\0';
    const auto fits = frame('P', longest + "select 1\0\0\0"s);
    CHECK(wire::decode_subject(fits).value()->size == wire::header_size + wire::names_max);

    const auto too_long = frame('P', "n" + longest + "select 1\0\0\0"s);
    CHECK(waits(too_long.substr(0, wire::header_size + wire::names_max - 1)));
    CHECK(error_of(too_long.substr(0, wire::header_size + wire::names_max)) == errc::name_too_long);
    CHECK(error_of(too_long) == errc::name_too_long);
    CHECK(error_of(frame('B', longest + "s\0\0\0\0\0\0\0"s)) == errc::name_too_long);
    CHECK(error_of(frame('C', "S" + longest)) == errc::name_too_long);
}

TEST_CASE("a Bind of any size is renamed by its front") {
    const auto huge = "B\x3f\0\0\0p\0old\0\0\0"s;  // the rest has not come
    const auto found = wire::decode_subject(huge).value();
    REQUIRE(found);
    std::string out;
    wire::append_renamed_front(out, *found, "newer");
    CHECK(out == "B\x3f\0\0\2p\0newer\0"s);
    CHECK(huge.substr(found->size) == "\0\0"s);

    CHECK(wire::decode_subject(huge, 0x1000).error() == errc::bad_length);
}

TEST_CASE("Parse is taken apart and put together under another name") {
    const auto definition = "select $1\0\0\1\0\0\0\x17"s;
    auto body = "name\0"s;
    body.append(definition);
    const auto fields = wire::decode_parse(body).value();
    CHECK(fields.name == "name");
    CHECK(fields.text == "select $1");
    CHECK(fields.definition == definition);
    CHECK(wire::query_text(definition) == "select $1");

    std::string out;
    wire::append_parse(out, "other", fields.definition);
    wire::append_close_statement(out, "other");
    CHECK(out == frame('P', "other\0"s + definition) + frame('C', "Sother\0"s));
}

TEST_CASE("a Parse of any other length is refused") {
    const auto body = "name\0select $1\0\0\2\0\0\0\x17\0\0\0\x17"s;
    for (std::size_t size = 0; size < body.size(); ++size) {
        CAPTURE(size);
        CHECK(wire::decode_parse(body.substr(0, size)).error() ==
              (size < 15 ? errc::missing_terminator : errc::truncated));
    }
    CHECK(wire::decode_parse(body).has_value());
    CHECK(wire::decode_parse(body + "x").error() == errc::trailing_bytes);
    CHECK(wire::decode_parse("\0\0\xff\xff"s).error() == errc::truncated);

    const auto most = "\0\0\xff\xff"s + std::string(65535 * 4, '\1');
    CHECK(wire::decode_parse(most).value().definition.size() == most.size() - 1);
}
