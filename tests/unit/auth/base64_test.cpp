#include "pgballast/auth/base64.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace pgballast;
using namespace std::string_literals;

TEST_CASE("base64 has the test vectors of RFC 4648") {
    const auto [raw, text] = GENERATE(table<std::string, std::string>({{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}));
    CAPTURE(raw);
    CHECK(auth::base64_encode(raw) == text);
    CHECK(auth::base64_decode(text) == raw);
}

TEST_CASE("base64 gives every octet back") {
    std::string raw;
    for (int octet = 0; octet < 256; ++octet) {
        raw.push_back(static_cast<char>(octet));
        CHECK(auth::base64_decode(auth::base64_encode(raw)) == raw);
    }
}

TEST_CASE("base64 that an encoder would not have written is not decoded") {
    const auto text = GENERATE(as<std::string>{},          //
                               "Z", "Zg", "Zg=", "Zm9vZ",  // cut short
                               "Zh==", "Zm9=",             // stray bits behind the last octet
                               "=Zm9", "Z===", "Zg==Zg==", "====", "Zm=v",  // padding elsewhere
                               " Zm9v", "Zm9v\n", "Zm 9v", " Zm9v   ", "\n\n\n\n",  // white space
                               "Zm9-", "Zm9_", "Zm9v\0\0\0\0"s, "Zm9\xff"s);        // other letters
    CAPTURE(text);
    CHECK_FALSE(auth::base64_decode(text));
}
