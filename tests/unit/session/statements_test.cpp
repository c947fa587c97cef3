#include "pgballast/session/statements.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

using namespace pgballast::session;
using namespace std::string_literals;

namespace {

const auto select_1 = "select 1\0\0\0"s;

std::string numbered(int number) {
    return "select " + std::to_string(number) + "\0\0\0"s;
}

}  // namespace

TEST_CASE("equal text, parameter types and settings are one statement") {
    statement_registry known;
    const auto one = known.share(select_1, "a");
    CHECK(known.share(select_1, "a") == one);
    CHECK(known.size() == 1);
    CHECK(one->definition == select_1);
    CHECK(one->text() == "select 1");

    CHECK(known.share("select 1\0\0\1\0\0\0\x17"s, "a") != one);
    CHECK(known.share("select 2\0\0\0"s, "a") != one);
    CHECK(known.share(select_1, "b") != one);
    CHECK(known.share(select_1, "") != one);
    CHECK(known.size() == 5);
}

TEST_CASE("what is fingerprint and what is definition makes a difference") {
    statement_registry known;
    std::set<std::string> names;
    for (const auto& [fingerprint, definition] :
         {std::pair{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}})
        names.insert(known.share(definition, fingerprint)->server_name);
    CHECK(names.size() == 4);
}

TEST_CASE("every worker and every process gives a statement the same name") {
    statement_registry one, other;
    const auto made = one.share(select_1, "TimeZone=UTC\0"s);
    CHECK(other.share(select_1, "TimeZone=UTC\0"s) != made);
    CHECK(other.share(select_1, "TimeZone=UTC\0"s)->server_name == made->server_name);
    // printf '13:TimeZone=UTC\0select 1\0\0\0' | sha256sum
    CHECK(made->server_name == "pgballast_e6a966a42c0bb7cbbce61254781df0c3");
    CHECK(made->server_name.size() < 64);
}

TEST_CASE("a statement that is not shared has a name of its own") {
    const auto one = statement_registry::alone(select_1);
    const auto other = statement_registry::alone(select_1);
    CHECK(one->server_name.starts_with("pgballast_alone_"));
    CHECK(one->server_name != other->server_name);
    CHECK(one->definition == select_1);
}

TEST_CASE("statements that nobody has any more are forgotten") {
    statement_registry known;
    std::size_t most = 0;
    for (int number = 0; number < 10'000; ++number) {
        const auto gone = known.share(numbered(number), "");
        most = std::max(most, known.size());
    }
    CHECK(most <= 64);

    std::vector<statement_ptr> held;
    for (int number = 0; number < 1'000; ++number) {
        held.push_back(known.share(numbered(number), ""));
        known.share("passing" + numbered(number), "");
        CHECK(known.share(numbered(number / 2), "") == held[number / 2]);
        CHECK(known.size() <= 64 + 2 * held.size());
    }
    held.clear();
    for (int number = 0; number < 2'000; ++number)
        known.share("more" + numbered(number), "");
    CHECK(known.size() <= 64);
}

TEST_CASE("a statement that comes back has its old name") {
    statement_registry known;
    const auto name = known.share(select_1, "")->server_name;
    const auto again = known.share(select_1, "");
    CHECK(again->server_name == name);
    CHECK(known.share(select_1, "") == again);
    CHECK(known.size() == 1);
}

TEST_CASE("a fingerprint holds the settings that Parse looks at, and no others") {
    const reported plain{{{"TimeZone", "UTC"}, {"DateStyle", "ISO, MDY"}}};
    const auto base = fingerprint_of(plain, {});

    for (const auto* name : {"array_nulls", "backslash_quote", "client_encoding", "IntervalStyle",
                             "lc_messages", "lc_monetary", "lc_numeric", "lc_time", "role",
                             "search_path", "session_authorization", "standard_conforming_strings",
                             "timezone_abbreviations", "transform_null_equals", "xmloption"}) {
        CAPTURE(name);
        const auto own = fingerprint_of(plain, {{name, "x"}});
        CHECK(own != base);
        CHECK(fingerprint_of(plain, {{name, "y"}}) != own);
        auto values = plain.values();
        values.emplace_back(name, "x");
        CHECK(fingerprint_of(reported{values}, {}) == own);
    }
    for (const auto* name : {"statement_timeout", "application_name", "work_mem", "app.tenant"})
        CHECK(fingerprint_of(plain, {{name, "x"}}) == base);
    CHECK(fingerprint_of(reported{{{"TimeZone", "GMT"}, {"DateStyle", "ISO, MDY"}}}, {}) != base);
    CHECK(fingerprint_of(reported{{{"TimeZone", "UTC"}, {"DateStyle", "SQL, DMY"}}}, {}) != base);
}

TEST_CASE("neither the order nor the spelling of names changes a fingerprint") {
    const reported told;
    CHECK(fingerprint_of(told, {{"role", "a"}, {"search_path", "b"}}) ==
          fingerprint_of(told, {{"SEARCH_PATH", "b"}, {"Role", "a"}}));
    CHECK(fingerprint_of(told, {{"role", "b"}, {"role", "a"}}) ==
          fingerprint_of(told, {{"role", "a"}}));
    CHECK(fingerprint_of(told, {{"role", "a"}}) != fingerprint_of(told, {{"search_path", "a"}}));
    // What the server reports is how it is.
    CHECK(fingerprint_of(reported{{{"TimeZone", "UTC"}}}, {{"timezone", "GMT"}}) ==
          fingerprint_of(reported{{{"TimeZone", "UTC"}}}, {}));
}
