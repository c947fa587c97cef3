#include "pgballast/auth/saslprep.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace pgballast;
using namespace std::string_literals;

TEST_CASE("pure ASCII is not touched, control characters included") {
    std::string ascii;
    for (char c = 1; c < 127; ++c)
        ascii.push_back(c);
    ascii.push_back('\x7f');
    CHECK(auth::prepare_password(ascii) == ascii);
    CHECK(auth::prepare_password("").empty());
}

TEST_CASE("SASLprep has the examples of RFC 4013") {
    CHECK(auth::prepare_password("I\u00adX") == "IX");
    CHECK(auth::prepare_password("user") == "user");
    CHECK(auth::prepare_password("USER") == "USER");
    CHECK(auth::prepare_password("\u00aa") == "a");
    CHECK(auth::prepare_password("\u2168") == "IX");
}

TEST_CASE("other spaces become a space and invisible characters go") {
    CHECK(auth::prepare_password("a\u00a0b\u3000c\u200bd") == "a b c d");
    CHECK(auth::prepare_password("\u200ca\u200d\ufe0fb\ufeff") == "ab");
}

TEST_CASE("a password is normalised to compatibility characters, composed") {
    CHECK(auth::prepare_password("e\u0301t\u00e9") == "\u00e9t\u00e9");
    CHECK(auth::prepare_password("\uff50\uff47") == "pg");
    CHECK(auth::prepare_password("\ufb01") == "fi");
}

TEST_CASE("a password SASLprep has no form for stays as it is") {
    const auto password = GENERATE(as<std::string>{},                //
                                   "\u00ad", "\u200c\u200d",         // nothing would be left
                                   "a\u0007\u00e9",                  // a control character
                                   "\u00e9\u0085",                   // another, not of ASCII
                                   "a\ue000", "a\ufffd", "a\u206a",  // private, no text, deprecated
                                   "a\u0340",  // prohibited although its normal form is not
                                   "a\u0221",  // unassigned in Unicode 3.2
                                   "\u0627a", "\u06271", "1\u0627");  // both directions
    CAPTURE(password);
    CHECK(auth::prepare_password(password) == password);
}

TEST_CASE("a password written from right to left wholly is prepared") {
    CHECK(auth::prepare_password("\u0627\u00ad1\u0628") == "\u06271\u0628");
}

TEST_CASE("a password that is not UTF-8 stays as it is") {
    const auto password = GENERATE(as<std::string>{},  //
                                   "p\xe4\xdfw\xf6rd", "\u00ad\xff", "\u00ad\xc3", "\u00ad\xc0\x80",
                                   "\u00ad\xed\xa0\x80", "\u00ad\xf4\x90\x80\x80");
    CAPTURE(password);
    CHECK(auth::prepare_password(password) == password);
}

TEST_CASE("a zero byte neither ends a password nor is lost") {
    CHECK(auth::prepare_password("a\0b"s) == "a\0b"s);
    CHECK(auth::prepare_password("\u00e9\0\u00ad"s) == "\u00e9\0\u00ad"s);
}
