#include "pgballast/session/unnamed_statement.hpp"

#include <catch2/catch.hpp>

using pgballast::session::unnamed_statement;

namespace {

std::string number(std::size_t n) {
    return "select " + std::to_string(n);
}

}  // namespace

TEST_CASE("the unnamed statement is the last one that was parsed") {
    unnamed_statement unnamed;
    unnamed.parse_sent(number(1));
    unnamed.parse_sent(number(2));
    unnamed.parse_sent(number(3));
    CHECK(unnamed.definition().empty());
    unnamed.parsed();
    CHECK(unnamed.definition() == number(1));

    SECTION("those behind an error were skipped") {
        unnamed.failed(false, 2);
        CHECK(unnamed.definition() == number(1));
        unnamed.parsed();
        CHECK(unnamed.definition() == number(1));
    }
    SECTION("one that fails leaves none") {
        unnamed.failed(true, 1);
        CHECK(unnamed.definition().empty());
        unnamed.parsed();
        CHECK(unnamed.definition() == number(3));
    }
    SECTION("what was under way on a backend that is lost is parsed nowhere") {
        unnamed.left_behind();
        unnamed.parsed();
        CHECK(unnamed.definition() == number(1));
    }
}

TEST_CASE("a long pipeline of unnamed statements takes time in proportion to its length") {
    // Were each of them moved up whenever one is answered, this would not end within a test.
    constexpr std::size_t count = 400'000;
    unnamed_statement unnamed;
    for (std::size_t i = 0; i < count; ++i)
        unnamed.parse_sent(number(i));
    for (std::size_t i = 0; i < count; ++i) {
        unnamed.parsed();
        if (unnamed.definition() != number(i))
            FAIL("statement " << i << " is " << unnamed.definition());
    }
    CHECK(unnamed.definition() == number(count - 1));
}
