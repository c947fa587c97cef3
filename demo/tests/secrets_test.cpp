#include "secrets.hpp"

#include <sodium.h>

#include <catch2/catch.hpp>
#include <set>

using namespace signup_demo;

TEST_CASE("a password's hash is Argon2id, salted, and verified by its own parameters") {
    start_crypto();
    const std::string password = "TestPass123";
    const auto hash = hash_password(password);
    CHECK_THAT(hash, Catch::StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
    CHECK(hash != hash_password(password));
    CHECK(crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0);
    CHECK(crypto_pwhash_str_verify(hash.c_str(), "TestPass124", password.size()) != 0);
}

TEST_CASE("session tokens are 32 octets in base64url without padding, and never the same") {
    start_crypto();
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto token = make_session_token();
        CHECK(token.size() == 43);
        CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789-_") == token.npos);
        CHECK(seen.insert(token).second);
    }
}

TEST_CASE("a token is stored as its SHA-256") {
    // FIPS 180-2, appendix B.1
    CHECK(digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
