#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>

#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using namespace std::string_literals;

namespace {

// The exchange of RFC 7677.
const auto pencil = auth::parse_scram_verifier(
                        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzp"
                        "cXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
                        .value();
const auto server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"s;
const auto nonce = "rOprNGfwEbeRWgbNEkqO" + server_nonce;
const auto client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"s;
const auto server_first = "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const auto proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="s;
const auto client_final = "c=biws,r=" + nonce + ",p=" + proof;

const auto plain = "SCRAM-SHA-256"s;
const auto plus = "SCRAM-SHA-256-PLUS"s;
const auto certificate = "a hash"s;

boost::system::error_code first_error(const std::string& mechanism, const std::string& message,
                                      const std::string& binding = {}) {
    auth::scram_server server{pencil, binding, server_nonce};
    return server.first(mechanism, message).error();
}

boost::system::error_code final_error(const std::string& message) {
    auth::scram_server server{pencil, {}, server_nonce};
    REQUIRE(server.first(plain, client_first));
    return server.final(message).error();
}

}  // namespace

TEST_CASE("a SCRAM server holds the exchange of RFC 7677") {
    auth::scram_server server{pencil, {}, server_nonce};
    CHECK(server.first(plain, client_first).value() == server_first);
    CHECK(server.final(client_final).value() == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST_CASE("a SCRAM server draws a nonce of its own for every exchange") {
    std::set<std::string> firsts;
    for (int i = 0; i < 100; ++i)
        firsts.insert(auth::scram_server{pencil}.first(plain, client_first).value());
    CHECK(firsts.size() == 100);
}

TEST_CASE("a SCRAM server goes on only with a mechanism it has offered") {
    CHECK(first_error("SCRAM-SHA-1", client_first) == auth::errc::unknown_mechanism);
    CHECK(first_error("", client_first) == auth::errc::unknown_mechanism);
    CHECK(first_error("scram-sha-256", client_first) == auth::errc::unknown_mechanism);
    CHECK(first_error(plus, "p=tls-server-end-point,,n=,r=x") == auth::errc::unknown_mechanism);
}

TEST_CASE("a client's channel binding must fit its mechanism and our offer") {
    using auth::errc;
    const auto n = "n,,n=,r=x"s;
    const auto y = "y,,n=,r=x"s;
    const auto p = "p=tls-server-end-point,,n=,r=x"s;
    SECTION("where binding was not offered") {
        CHECK_FALSE(first_error(plain, n));
        CHECK_FALSE(first_error(plain, y));
        CHECK(first_error(plain, p) == errc::malformed_message);
    }
    SECTION("where binding was offered") {
        CHECK_FALSE(first_error(plain, n, certificate));
        CHECK(first_error(plain, y, certificate) == errc::binding_downgrade);
        CHECK(first_error(plain, p, certificate) == errc::malformed_message);
        CHECK(first_error(plus, n, certificate) == errc::malformed_message);
        CHECK(first_error(plus, y, certificate) == errc::malformed_message);
        CHECK_FALSE(first_error(plus, p, certificate));
        CHECK(first_error(plus, "p=tls-unique,,n=,r=x", certificate) == errc::unsupported_binding);
        CHECK(first_error(plus, "p=,,n=,r=x", certificate) == errc::unsupported_binding);
    }
}

TEST_CASE("a SCRAM server lets nobody act as somebody else") {
    CHECK(first_error(plain, "n,a=admin,n=user,r=x") == auth::errc::unsupported_authzid);
    CHECK(first_error(plain, "n,a=,n=user,r=x") == auth::errc::unsupported_authzid);
}

TEST_CASE("a SCRAM server refuses an extension it would have to know") {
    CHECK(first_error(plain, "n,,m=1,n=user,r=x") == auth::errc::unsupported_extension);
}

TEST_CASE("a SCRAM server passes over extensions it need not know") {
    CHECK_FALSE(first_error(plain, client_first + ",x=1,y="));

    auth::scram_server server{pencil, {}, server_nonce};
    REQUIRE(server.first(plain, client_first));
    // Signed with the rest, so the proof is another; well-formed all the same.
    CHECK(server.final("c=biws,r=" + nonce + ",x=1,p=" + proof).error() ==
          auth::errc::wrong_password);
}

TEST_CASE("a SCRAM server bounds the nonce of a client") {
    CHECK_FALSE(first_error(plain, "n,,n=,r=" + std::string(1024, 'x')));
    CHECK(first_error(plain, "n,,n=,r=" + std::string(1025, 'x')) == auth::errc::message_too_long);
    CHECK(first_error(plain, "n,,n=" + std::string(5000, 'x') + ",r=x") ==
          auth::errc::message_too_long);
}

TEST_CASE("a SCRAM server refuses a client's first message that is none") {
    const auto message = GENERATE_COPY(
        as<std::string>{}, "", "n", "n,", "n,,", ",,n=,r=x", "x,,n=,r=x", "nn,,n=,r=x", "p,,n=,r=x",
        "n,x,n=,r=x", "n,,r=x", "n,,n=", "n,,n=,r=", "n,,n=,", "n,,r=x,n=", "n,,u=,r=x",
        "n,,n=,r=x,", "n,,n=,r=x,y", "n,,n=,r=x,=", "n,,n=,r=x,5=1", "n,,n=,r=x y", "n,,n=,r=\x7f",
        "n,,n=,r=\u00e9", "n,,n=,r=x\0"s, "n,,n=\0,r=x"s);
    CAPTURE(message);
    CHECK(first_error(plain, message) == auth::errc::malformed_message);
}

TEST_CASE("a client's first message cut short is malformed, or its proof is wrong") {
    for (std::size_t size = 0; size < client_first.size(); ++size) {
        CAPTURE(size);
        auth::scram_server server{pencil, {}, server_nonce};
        const auto answer = server.first(plain, client_first.substr(0, size));
        if (size <= "n,,n=user,r="s.size())
            CHECK(answer.error() == auth::errc::malformed_message);
        else  // a shorter nonce is one too
            CHECK(server.final(client_final).error() == auth::errc::nonce_mismatch);
    }
}

TEST_CASE("a client's final message cut short is malformed") {
    for (std::size_t size = 0; size < client_final.size(); ++size) {
        CAPTURE(size);
        CHECK(final_error(client_final.substr(0, size)) == auth::errc::malformed_message);
    }
}

TEST_CASE("a SCRAM server refuses a final message that is none") {
    const auto message = GENERATE_COPY(
        as<std::string>{}, client_final + ",x=1", client_final + ",", client_final + "=",
        client_final + "\0"s, "r=" + nonce + ",c=biws,p=" + proof, "c=biws,p=" + proof,
        "c=biws,r=" + nonce + ",x,p=" + proof, "c=biw,r=" + nonce + ",p=" + proof,
        "c=biws,r=" + nonce + ",p=AAAA", "c=biws,r=" + nonce + ",p=" + proof + ",p=" + proof,
        "c=biws,r=" + nonce + ",m=1");
    CAPTURE(message);
    CHECK(final_error(message) == auth::errc::malformed_message);
}

TEST_CASE("a SCRAM server refuses a proof, a nonce or a binding that is not the client's own") {
    const auto wrong_proof = "AAAA" + proof.substr(4);
    CHECK(final_error("c=biws,r=" + nonce + ",p=" + wrong_proof) == auth::errc::wrong_password);
    CHECK(final_error("c=biws,r=" + nonce + "x,p=" + proof) == auth::errc::nonce_mismatch);
    CHECK(final_error("c=biws,r=x,p=" + proof) == auth::errc::nonce_mismatch);
    CHECK(final_error("c=biws,r=,p=" + proof) == auth::errc::nonce_mismatch);
    CHECK(final_error("c=eSws,r=" + nonce + ",p=" + proof) == auth::errc::binding_mismatch);
    CHECK(final_error("c=,r=" + nonce + ",p=" + proof) == auth::errc::binding_mismatch);
}

TEST_CASE("a SCRAM server takes each message of the client once and in order") {
    auth::scram_server server{pencil, {}, server_nonce};
    CHECK(server.final(client_final).error() == auth::errc::out_of_order);
    REQUIRE(server.first(plain, client_first));
    CHECK(server.first(plain, client_first).error() == auth::errc::out_of_order);
    REQUIRE(server.final(client_final));
    CHECK(server.final(client_final).error() == auth::errc::out_of_order);
}

TEST_CASE("a SCRAM server gives one try an exchange") {
    auth::scram_server server{pencil, {}, server_nonce};
    REQUIRE(server.first(plain, client_first));
    CHECK(server.final("c=biws,r=" + nonce + ",p=AAAA" + proof.substr(4)).error() ==
          auth::errc::wrong_password);
    CHECK(server.final(client_final).error() == auth::errc::out_of_order);
}
