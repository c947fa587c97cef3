// What the questions answer is tested against a server, in tests/pg/proof_test.py.
#include "pgballast/session/proof.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace pgballast;
using namespace pgballast::session;

namespace {

std::string asked(const sql::mentions& select) {
    const auto question = reads_only_query(select, {});
    REQUIRE(question.has_value());
    return *question;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("names are quoted for any setting of the client") {
    const auto question = asked({.relations = {"\"a\".\"it's\"", "\"x'); drop table t; --\""},
                                 .types = {"\"t\"[]"},
                                 .functions = {"f'"},
                                 .operators = {"=", "'"},
                                 .columns = {"''"},
                                 .guessed_functions = {},
                                 .guessed_operators = {}});
    CHECK(contains(question, "array['\"a\".\"it''s\"','\"x''); drop table t; --\"']::"));
    CHECK(contains(question, "array['\"t\"[]']::pg_catalog.text[]"));
    CHECK(contains(question, "array['f''']::pg_catalog.name[]"));
    CHECK(contains(question, "array['=','''']::pg_catalog.name[]"));
    CHECK(contains(question, "array['''''']::pg_catalog.name[]"));
    CHECK(contains(question, "array[]::pg_catalog.name[]"));
}

TEST_CASE("a name with a backslash, whose meaning a setting decides, is not asked about") {
    for (const auto list : {&sql::mentions::relations, &sql::mentions::types,
                            &sql::mentions::columns, &sql::mentions::guessed_operators}) {
        sql::mentions select;
        (select.*list).emplace_back("a\\");
        CHECK_FALSE(reads_only_query(select, {}).has_value());
    }
    CHECK_FALSE(contains(asked({}), "\\"));
    CHECK_FALSE(contains(rolls_back_whole_query(), "\\"));
}

TEST_CASE("parameters have built-in types, or are not declared") {
    CHECK(reads_only_query({}, std::array<std::uint32_t, 3>{0, 23, 16383}).has_value());
    CHECK_FALSE(reads_only_query({}, std::array<std::uint32_t, 2>{23, 16384}).has_value());
    CHECK_FALSE(reads_only_query({}, std::array<std::uint32_t, 1>{4'294'967'295}).has_value());
}

TEST_CASE("each question is one statement") {
    for (const auto& question : {asked({}), rolls_back_whole_query()})
        CHECK(question.find(';') == question.size() - 1);
}
