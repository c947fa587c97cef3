#include "pgballast/sql/frozen_time.hpp"

#include <catch2/catch.hpp>
#include <string>

using pgballast::sql::freezes_time;

TEST_CASE("a literal that says when it was read is not the same tomorrow") {
    for (const std::string word : {"now", "today", "tomorrow", "yesterday", "NOW", "ToDay"}) {
        CAPTURE(word);
        CHECK(freezes_time("select '" + word + "'::timestamptz"));
        CHECK(freezes_time("select timestamp '  " + word + "  '"));
        CHECK(freezes_time("select '" + word + " 10:00'::timestamp"));
        CHECK(freezes_time("select '" + word + "10:00'::timestamp"));
        CHECK(freezes_time("select '10:00" + word + "'::timestamp"));
        CHECK(freezes_time("select '_" + word + "_'::timestamp"));
        CHECK(freezes_time("select '{" + word + "}'::date[]"));
        CHECK(freezes_time("select '[" + word + ",)'::daterange"));
        CHECK(freezes_time("select 'a', 'it''s " + word + "'"));
        CHECK(freezes_time("/* a */ select -- b\n'" + word + "'"));
        CHECK(freezes_time("select $$" + word + "$$::date"));
        CHECK(freezes_time("select $a$" + word + "$a$::date"));
        CHECK(freezes_time("select E'" + word + "'::date"));
        CHECK(freezes_time("select N'" + word + "'::date"));
        CHECK(freezes_time("select '" + word));  // an error, but not ours
        CHECK(freezes_time("select 'a\\', '" + word + "'"));
    }
}

TEST_CASE("the time of each run is no literal") {
    CHECK_FALSE(freezes_time(""));
    CHECK_FALSE(freezes_time("select now(), current_date"));
    CHECK_FALSE(freezes_time("select 'x' where t < now() and u = 'y'"));
    CHECK_FALSE(freezes_time("select \"now\", \"today\" from t"));
    CHECK_FALSE(freezes_time("select 1 -- 'now'\n /* 'today' */"));
    CHECK_FALSE(freezes_time("select '2024-01-01'::date, 'epoch'::timestamp"));
    CHECK_FALSE(freezes_time("select $1::timestamptz"));
}

TEST_CASE("words that only contain such a word are others") {
    for (const auto* word : {"know", "nowhere", "known", "todays", "tomorrows", "xyesterday"}) {
        CAPTURE(word);
        CHECK_FALSE(freezes_time(std::string{"select '"} + word + "'"));
        CHECK_FALSE(freezes_time(std::string{"select $$"} + word + "$$"));
    }
    CHECK(freezes_time("select 'I know that now'"));
    CHECK_FALSE(freezes_time("select 'no', 'w'"));
}

TEST_CASE("a literal may be written in pieces") {
    CHECK(freezes_time("select 'no'\n'w'::timestamptz"));
    CHECK(freezes_time("select 'to'  -- the rest follows\n\t'day'::date"));
    CHECK(freezes_time("select E'no'\n'w'::timestamptz"));
    CHECK(freezes_time("select $$a$$, 'to' -- b\n 'day'::date"));
    CHECK_FALSE(freezes_time("select $$a$$, 'to',\n 'day'"));
}

TEST_CASE("escapes may spell anything") {
    CHECK(freezes_time("select E'\\x6eow'::timestamptz"));
    CHECK(freezes_time("select '\\156ow'::timestamptz"));
    CHECK(freezes_time("select U&'\\006eow'::timestamptz"));
    CHECK(freezes_time("select U&'!006eow' uescape '!'"));
    CHECK(freezes_time("select u&'!006eow' uescape '!'"));
}

TEST_CASE("no prefix of a text that freezes time is taken for harmless once the word is whole") {
    const std::string text = "select 1, 'today'::date, $$x$$, E'\\n' from t";
    for (auto size = text.find("today") + 5; size <= text.size(); ++size) {
        CAPTURE(size);
        CHECK(freezes_time(text.substr(0, size)));
    }
}
