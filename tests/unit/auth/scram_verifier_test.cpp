#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using namespace std::string_literals;

namespace {

const auto pencil =
    "SCRAM-SHA-256$4096:tYxLpBZCBw04vmjeDV8qPA==$S6x8vF9Fx19iAeyNRjtPOsa1emDubxosyfnhhF2B85M="
    ":WPMxf+aoUXSdfxBbSgILArV+tLT7ceqIAkkmGkUDxRM="s;

std::string changed(const std::string& from, const std::string& to) {
    auto text = pencil;
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

// The verifiers are pg_authid.rolpassword of a PostgreSQL 15.
TEST_CASE("a verifier made with the salt of PostgreSQL's is PostgreSQL's") {
    const auto [password, text] = GENERATE(table<std::string, std::string>({
        {"pencil", pencil},
        {"p\u00e4\u00dfw\u00f6rd",
         "SCRAM-SHA-256$4096:ACKZkyg0GPK4f4+KXuFaaw==$04xiCbQVXWC+wfqjfyFeHTkzKW53uif1Ezd9NpwYKM0="
         ":HNDPFrkqjAGSKlRHzmO9McQMJW7TZpH5yPCb9gXpmU4="},
        {"I\u00adX",
         "SCRAM-SHA-256$4096:HuSIIZUuL7/y9GBZPBf+9Q==$p1HCZ9WepzNnNIXIZqlTXPN5etMpaTzFVF8/Euun3ik="
         ":bD27yRb0ZnaLFRjISS2R3pw4dMXrbqOwvTibHuQNuEw="},
        {"\uff50\uff47\u3000\u2168",
         "SCRAM-SHA-256$4096:WrHx7yQ0vVQ6kI7ICWZRCQ==$rfTpoB6FCqiA7MzPTEfZl/jpHL1btbozwou8cps+2KI="
         ":zmkDvtTM6wA5UTAw9u3U0AgcBs5Z1rqGB1Wn9od9ym0="},
        {"e\u0301t\u00e9",
         "SCRAM-SHA-256$4096:FJxCbk77WjkikptfVJ3y3Q==$8VHgjJ/wFm8I+qoEQwUig42JKuk2vN6vCxIzAXVfgoc="
         ":qdKKEgJaN4FsCQ1A0iQfBfWHqwaWoK3X8ARjJGh/okA="},
        {"\u05e9\u05dc\u05d5\u05dd",
         "SCRAM-SHA-256$4096:3yNLfmcl3PuKXNwLSEISvw==$Nopz/SoRcmlwHB2xExZjBLHOqORpBLCEx0S23LK5nTE="
         ":VFfdFe9dXiERGCcrG1UZlZuO4B2EPoOJVT8WyynU4Xg="},
        {"\u0627a",  // no SASLprep form, as the next three
         "SCRAM-SHA-256$4096:caCF7QjEEYKOeyXJwYgI2g==$93QPjPmL+cWn4UfcYXdtlrr4pPvaPZncUzX8EVR50iQ="
         ":u5lWQR+Vc/CWavpBRAy7XUm6RI48AYTrzUUZw2STgm0="},
        {"a\u0340",
         "SCRAM-SHA-256$4096:2I/KAe7Aplw7uPaXY0T69w==$kzslnLjK3/tumZK3wzZrLHNJtw2yKLojPWdzzMjv/OY="
         ":YFxICubrVJRfJ3noSfEd0ngvCfZukFtzOuBMp+wDE0E="},
        {"\u0221\U0001f418",
         "SCRAM-SHA-256$4096:sPP6GGih5+I3Sk6dfRkl3A==$mMMAGJi4M0LTKTR1JomUlNOaKEItoqAyLhuQ1uImpm4="
         ":w8wySHZ3PAvVElYQNnyHMDIYlD5rBMkPbJ9Y2M71264="},
        {"a\u0007\u00e9",
         "SCRAM-SHA-256$4096:j8zvsZOyDzp5V+vrw4Y5Tw==$VS0PD7eJKIX5o72JtCGagP18W4eKquR8pBNYChCKiuc="
         ":XJUEQ13x7sHnYaOi4Al/gpWruaGK6NLLVGsqpDT75II="},
    }));
    CAPTURE(password);
    const auto verifier = auth::parse_scram_verifier(text).value();
    CHECK(to_string(verifier) == text);
    CHECK(to_string(auth::make_scram_verifier(password, verifier.salt, verifier.iterations)) ==
          text);
}

TEST_CASE("every verifier gets a salt of its own") {
    std::set<std::string> salts;
    for (int i = 0; i < 100; ++i)
        salts.insert(auth::make_scram_verifier("pencil", 1).salt);
    CHECK(salts.size() == 100);
    CHECK(salts.begin()->size() == 16);
}

TEST_CASE("a verifier cut short anywhere is refused") {
    for (std::size_t size = 0; size < pencil.size(); ++size) {
        CAPTURE(size);
        CHECK(auth::parse_scram_verifier(pencil.substr(0, size)).error() ==
              auth::errc::bad_verifier);
    }
}

TEST_CASE("a verifier is refused unless each of its parts is whole") {
    const auto text = GENERATE_COPY(
        as<std::string>{}, pencil + "=", pencil + ":", pencil + "\0"s, " " + pencil,
        changed("SCRAM-SHA-256", "SCRAM-SHA-1"), changed("SCRAM-SHA-256$", ""), changed("4096", ""),
        changed("4096", "0"), changed("4096", "-1"), changed("4096", "+1"), changed("4096", " 1"),
        changed("4096", "0x10"), changed("4096", "1e3"), changed("4096", "2147483648"),
        changed("4096", "18446744073709551617"), changed("tYxLpBZCBw04vmjeDV8qPA==", ""),
        changed("tYxLpBZCBw04vmjeDV8qPA==", "tYx"), changed("S6x8", ""),
        changed("S6x8", "S6x8S6x8"), changed("S6x8", "S6x-"), changed("WPMx", ""),
        changed("WPMx", "WPMxWPMx"), changed("$S6", ":S6"), "md525dacfe74dce8d3098122097addc8819",
        "pencil");
    CAPTURE(text);
    CHECK(auth::parse_scram_verifier(text).error() == auth::errc::bad_verifier);
}

TEST_CASE("a verifier may have been made with any count of iterations PostgreSQL knows") {
    const auto text = changed("4096", "2147483647");
    CHECK(to_string(auth::parse_scram_verifier(text).value()) == text);
}

TEST_CASE("an unknown user has the same verifier each time, which looks like any other") {
    const auto alice = auth::make_mock_verifier("alice", "secret");
    CHECK(to_string(alice) == to_string(auth::make_mock_verifier("alice", "secret")));
    CHECK(to_string(auth::parse_scram_verifier(to_string(alice)).value()) == to_string(alice));
    CHECK(alice.iterations == auth::scram_verifier{}.iterations);
    CHECK(alice.salt.size() == auth::make_scram_verifier("pencil", 1).salt.size());

    CHECK(auth::make_mock_verifier("bob", "secret").salt != alice.salt);
    CHECK(auth::make_mock_verifier("alice", "other").salt != alice.salt);
}
