#include "pgballast/config/userlist.hpp"

#include <catch2/catch.hpp>

#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using namespace pgballast::config;

namespace {

std::string error_of(std::string_view text) {
    const auto result = parse_userlist(text);
    REQUIRE_FALSE(result.has_value());
    return result.error().message;
}

struct expected {
    std::string name, password, scram, md5;
    bool operator==(const expected&) const = default;
};

std::vector<expected> read(std::string_view text) {
    std::vector<expected> out;
    for (const auto& one : parse_userlist(text).value())
        out.push_back({one.name, one.password, one.scram, one.md5});
    return out;
}

}  // namespace

TEST_CASE("a list of users in PgBouncer's format is read") {
    const auto verifier = auth::to_string(auth::make_scram_verifier("secret", "salt", 16));
    const auto md5 = "md5" + std::string(32, 'a');
    const auto users = read(
        "; comment\n"
        "\n"
        "\"plain\" \"pass\"\"word\" anything behind\r\n"
        "  \"scram\"\t\"" +
        verifier +
        "\"\n"
        "# another\n"
        "\"old\" \"" +
        md5 + "\"");
    REQUIRE(users.size() == 3);
    CHECK(users[0] == expected{"plain", "pass\"word", "", ""});
    CHECK(users[1] == expected{"scram", "", verifier, ""});
    CHECK(users[2] == expected{"old", "", "", md5});
    CHECK(read("").empty());
}

TEST_CASE("of two lines for one name the later counts, and without a secret nobody logs in") {
    const auto users = read("\"a\" \"one\"\n\"b\" \"x\"\n\"a\" \"two\"\n\"b\" \"\"\n");
    REQUIRE(users.size() == 1);
    CHECK(users[0] == expected{"a", "two", "", ""});
}

TEST_CASE("what only looks like a hash is a password") {
    for (const auto* secret : {"md5", "md5xyz", "MD5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        const auto users = read("\"a\" \"" + std::string{secret} + "\"\n");
        CHECK(users.at(0).password == secret);
    }
}

TEST_CASE("a line that is none is told by its number") {
    for (const auto* line : {"name secret", "\"a\"", "\"a\" \"b", "\"a", "\"a\" b", "'a' 'b'"})
        CHECK(error_of("; first\n" + std::string{line} + "\n\"x\" \"y\"") ==
              "line 2: expected \"name\" \"password\"");
    CHECK(error_of("\"\" \"x\"") == "line 1: an empty name");
    CHECK(error_of("\"a\" \"SCRAM-SHA-256$nonsense\"") ==
          "line 1: a SCRAM-SHA-256 verifier that cannot be read");
}
