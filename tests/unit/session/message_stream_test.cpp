#include "pgballast/session/message_stream.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "messages.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

constexpr bytes wanted = "ZE";

struct message {
    char type = 0;
    std::string data;
    bool operator==(const message&) const = default;
};

/// The messages that come out when the input is read in the given parts.
std::vector<message> messages_of(const std::vector<bytes>& parts) {
    std::vector<message> all;
    message_stream stream;
    bool within = false;
    for (auto part : parts) {
        while (!part.empty()) {
            const auto piece = stream.next(part, wanted).value();
            REQUIRE(piece.used > 0);
            REQUIRE(piece.used <= part.size());
            if (piece.in_place)
                CHECK(piece.data == part.substr(0, piece.used));
            part.remove_prefix(piece.used);
            if (piece.type == 0)
                continue;
            CHECK(piece.begins != within);
            CHECK((piece.ends || part.empty() || !piece.in_place));
            if (wanted.find(piece.type) != bytes::npos && piece.data.size() <= 1000)
                CHECK(piece.whole());
            if (piece.begins)
                all.push_back({piece.type, {}});
            all.back().data += piece.data;
            within = !piece.ends;
            CHECK(stream.within_message() == within);
            CHECK(stream.type() == piece.type);
        }
    }
    CHECK_FALSE(within);
    CHECK(stream.at_boundary());
    return all;
}

std::vector<bytes> octets(bytes whole) {
    std::vector<bytes> parts;
    for (std::size_t at = 0; at < whole.size(); ++at)
        parts.push_back(whole.substr(at, 1));
    return parts;
}

}  // namespace

TEST_CASE("messages are the same wherever the reads have cut the stream") {
    const std::vector<message> sent{{'D', row("value")}, {'n', no_data()}, {'E', error("22012")},
                                    {'C', complete()},   {'Z', ready()},   {'1', parsed()},
                                    {'D', row("")},      {'Z', ready('T')}};
    std::string stream;
    for (const auto& one : sent)
        stream += one.data;

    CHECK(messages_of({stream}) == sent);
    CHECK(messages_of(octets(stream)) == sent);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
        CAPTURE(at);
        CHECK(messages_of({bytes{stream}.substr(0, at), bytes{stream}.substr(at)}) == sent);
    }
}

TEST_CASE("a wanted message is in place if one read holds it, and gathered if not") {
    const auto whole = error("22012");
    message_stream stream;
    const auto at_once = stream.next(whole, wanted).value();
    CHECK(at_once.whole());
    CHECK(at_once.in_place);

    for (std::size_t size = 1; size < whole.size(); ++size) {
        CAPTURE(size);
        const auto front = stream.next(bytes{whole}.substr(0, size), wanted).value();
        CHECK(front.type == 0);
        CHECK_FALSE(stream.at_boundary());
        CHECK(stream.gathering() == (size >= pgballast::wire::header_size));
        const auto back = stream.next(bytes{whole}.substr(size), wanted).value();
        CHECK(back.whole());
        CHECK_FALSE(back.in_place);
        CHECK(back.data == whole);
        CHECK(stream.at_boundary());
    }
}

TEST_CASE("a small message comes whole whatever its type") {
    const auto small = row("four"), large = row("a value that is long enough");
    message_stream stream;
    CHECK(stream.next(bytes{small}.substr(0, 7), wanted, 1000, small.size()).value().type == 0);
    const auto piece = stream.next(bytes{small}.substr(7), wanted, 1000, small.size()).value();
    CHECK(piece.whole());
    CHECK(piece.data == small);
    CHECK_FALSE(stream.next(bytes{large}.substr(0, 7), wanted, 1000, small.size()).value().ends);
}

TEST_CASE("a message that is not wanted whole is never copied") {
    const auto whole = row(std::string(1000, 'x'));
    message_stream stream;
    const auto front = stream.next(bytes{whole}.substr(0, 500), wanted).value();
    CHECK(front.in_place);
    CHECK(front.begins);
    CHECK_FALSE(front.ends);
    const auto back = stream.next(bytes{whole}.substr(500), wanted).value();
    CHECK(back.in_place);
    CHECK_FALSE(back.begins);
    CHECK(back.ends);
}

TEST_CASE("a message too large to be gathered comes in parts although it is wanted") {
    const auto whole = error("22012", std::string(message_stream::whole_max, 'x'));
    message_stream stream;
    const auto front = stream.next(bytes{whole}.substr(0, 100), wanted).value();
    CHECK(front.type == 'E');
    CHECK_FALSE(front.whole());
    const auto back = stream.next(bytes{whole}.substr(100), wanted).value();
    CHECK(back.ends);
}

TEST_CASE("the header of the next message can be seen before it is taken") {
    const auto whole = ready();
    message_stream stream;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto header = stream.header(bytes{whole}.substr(size)).value();
        if (size < pgballast::wire::header_size) {
            REQUIRE(header);
            CHECK(header->type == 'Z');
            CHECK(header->body_size == 1);
        } else
            CHECK_FALSE(header);
        CHECK_FALSE(stream.header(bytes{whole}.substr(size, 0)).value());
        stream.next(bytes{whole}.substr(size, 1), {}).value();
    }
}

TEST_CASE("an invalid length is told as soon as the header is there") {
    for (const std::string& broken :
         {std::string{"Z\0\0\0\3", 5}, std::string{"Z\xff\xff\xff\xff", 5}}) {
        message_stream stream;
        CHECK(stream.next(broken, wanted).has_error());
        for (std::size_t at = 0; at < 4; ++at)
            CHECK(stream.next(bytes{broken}.substr(at, 1), wanted).value().type == 0);
        CHECK(stream.next(bytes{broken}.substr(4), wanted).has_error());
        CHECK(stream.header(bytes{broken}.substr(4)).has_error());
    }
    message_stream stream;
    CHECK(stream.next(frame('Q', "12345"), wanted, 4).has_error());
    CHECK(stream.next(frame('Q', "1234"), wanted, 4).has_value());
}
