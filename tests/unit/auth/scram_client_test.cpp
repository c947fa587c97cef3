#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using namespace std::string_literals;

namespace {

// The exchange of RFC 7677, but for the user's name, which PostgreSQL's clients
// leave empty. So proofs and signatures are not the RFC's: they were computed with
// Python's hashlib and hmac.
const auto client_nonce = "rOprNGfwEbeRWgbNEkqO"s;
const auto nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"s;
const auto server_first = "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const auto server_final = "v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg="s;

boost::system::error_code final_error(const std::string& message) {
    auth::scram_client client{"pencil", {}, false, client_nonce};
    return client.final(message).error();
}

}  // namespace

TEST_CASE("a SCRAM client proves its password and checks the server's proof") {
    auth::scram_client client{"pencil", {}, false, client_nonce};
    CHECK(client.mechanism() == "SCRAM-SHA-256");
    CHECK(client.first() == "n,,n=,r=" + client_nonce);
    CHECK(client.final(server_first).value() ==
          "c=biws,r=" + nonce + ",p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=");
    CHECK_FALSE(client.verified());
    CHECK_FALSE(client.verify(server_final));
    CHECK(client.verified());
}

TEST_CASE("a SCRAM client on TLS says that it could have bound the channel") {
    auth::scram_client client{"pencil", {}, true, client_nonce};
    CHECK(client.mechanism() == "SCRAM-SHA-256");
    CHECK(client.first() == "y,,n=,r=" + client_nonce);
    CHECK(client.final(server_first).value() ==
          "c=eSws,r=" + nonce + ",p=VpuC5DGQa5ro9tXE9MnKs69NH1nxnuregZZcclqIGfM=");
    CHECK_FALSE(client.verify("v=FOmOj9BpTGwvnzwBtWQjBaPmVxT9I8IeHBOhcIPu3us="));
}

TEST_CASE("a SCRAM client binds the channel where it may") {
    std::string binding;
    for (char octet = 0; octet < 32; ++octet)
        binding.push_back(octet);
    auth::scram_client client{"pencil", binding, true, client_nonce};
    CHECK(client.mechanism() == "SCRAM-SHA-256-PLUS");
    CHECK(client.first() == "p=tls-server-end-point,,n=,r=" + client_nonce);
    CHECK(client.final(server_first).value() ==
          "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,r=" +
              nonce + ",p=Q8h71kjaoMzNI7dPksDrhRE/5mTUObF0fUHVIgBOWQg=");
    CHECK_FALSE(client.verify("v=ykwoqH8mLqO5AQCeuwwf6lsj9f8zyJZT/CcvAbN4Ssc="));
}

TEST_CASE("a SCRAM client draws a nonce of its own for every exchange") {
    std::set<std::string> firsts;
    for (int i = 0; i < 100; ++i)
        firsts.insert(auth::scram_client{"pencil"}.first());
    CHECK(firsts.size() == 100);
    CHECK(firsts.begin()->size() == "n,,n=,r="s.size() + 24);
}

TEST_CASE("a SCRAM client passes over extensions it need not know") {
    CHECK_FALSE(final_error(server_first + ",x=1,Y=,z==,"
                                           "a=b=c"));
    auth::scram_client client{"pencil", {}, false, client_nonce};
    REQUIRE(client.final(server_first));
    CHECK_FALSE(client.verify(server_final + ",x=1"));
}

TEST_CASE("a SCRAM client refuses an extension it would have to know") {
    CHECK(final_error("m=1," + server_first) == auth::errc::unsupported_extension);
}

TEST_CASE("a SCRAM client refuses a nonce that does not extend its own") {
    const auto of_server = GENERATE_COPY(as<std::string>{}, client_nonce, "x", "x" + nonce,
                                         client_nonce.substr(0, client_nonce.size() - 1) + "x%hvYD",
                                         client_nonce.substr(1) + "%hvYDpWUa2RaTCAfuxFIlj");
    CAPTURE(of_server);
    CHECK(final_error("r=" + of_server + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") ==
          auth::errc::nonce_mismatch);
}

TEST_CASE("a SCRAM client bounds the nonce of a server") {
    const auto with_nonce_of = [](std::size_t size) {
        return "r=" + client_nonce + std::string(size - client_nonce.size(), 'x') + ",s=AAAA,i=1";
    };
    CHECK_FALSE(final_error(with_nonce_of(1024)));
    CHECK(final_error(with_nonce_of(1025)) == auth::errc::message_too_long);
    CHECK(final_error(with_nonce_of(1 << 20)) == auth::errc::message_too_long);
}

TEST_CASE("a SCRAM client bounds the salt of a server") {
    const auto with_salt = [](const std::string& salt) {
        return final_error("r=" + nonce + ",s=" + salt + ",i=1");
    };
    const auto octets = [](std::size_t thrice) {
        std::string text;
        for (std::size_t i = 0; i < thrice; ++i)
            text += "AAAA";
        return text;
    };
    CHECK_FALSE(with_salt("AA=="));
    CHECK_FALSE(with_salt(octets(341) + "AA=="));                    // 1024 octets
    CHECK(with_salt(octets(341) + "AAA=") == auth::errc::bad_salt);  // 1025
    CHECK(with_salt(octets(2000)) == auth::errc::message_too_long);  // 6000
    CHECK(with_salt("") == auth::errc::bad_salt);
    CHECK(with_salt("AAA") == auth::errc::bad_salt);
    CHECK(with_salt("AA-_") == auth::errc::bad_salt);
}

TEST_CASE("a SCRAM client computes up to a million iterations") {
    CHECK_FALSE(final_error("r=" + nonce + ",s=AAAA,i=1"));
    CHECK_FALSE(final_error("r=" + nonce + ",s=AAAA,i=1000000"));
}

TEST_CASE("a SCRAM client refuses any other count of iterations") {
    const auto count =
        GENERATE(as<std::string>{}, "0", "-1", "1000001", "2147483647", "2147483648", "4294967297",
                 "18446744073709551617", "", "+1", " 1", "1 ", "0x1", "1e3", "1.0", "one");
    CAPTURE(count);
    CHECK(final_error("r=" + nonce + ",s=AAAA,i=" + count) == auth::errc::bad_iterations);
}

TEST_CASE("a SCRAM client refuses a server's first message that is none") {
    const auto message = GENERATE_COPY(
        as<std::string>{}, "", "r", "r=", ",", "r=" + nonce + ",i=1,s=AAAA", "r=,s=AAAA,i=1",
        "s=AAAA,i=1", server_first + ",", server_first + ",x", server_first + ",1=x",
        server_first + ",=", server_first + "\0"s, "r=" + nonce + "\x7f,s=AAAA,i=1",
        "r=" + nonce + " ,s=AAAA,i=1", "r=" + nonce + "\xc3\xa9,s=AAAA,i=1",
        "R=" + nonce + ",s=AAAA,i=1", "r =" + nonce + ",s=AAAA,i=1", "e=other-error");
    CAPTURE(message);
    CHECK(final_error(message) == auth::errc::malformed_message);
}

TEST_CASE("a server's first message cut short is an error or a smaller count") {
    for (std::size_t size = 0; size < server_first.size(); ++size) {
        CAPTURE(size);
        auth::scram_client client{"pencil", {}, false, client_nonce};
        const auto answer = client.final(server_first.substr(0, size));
        // "i=409" is a whole message: that the proof is then wrong is for the server to find.
        if (size <= server_first.size() - 4)
            CHECK_FALSE(answer);
        else
            CHECK(client.verify(server_final) == auth::errc::wrong_signature);
    }
}

TEST_CASE("a server's final message cut short is malformed") {
    for (std::size_t size = 0; size < server_final.size(); ++size) {
        CAPTURE(size);
        auth::scram_client client{"pencil", {}, false, client_nonce};
        REQUIRE(client.final(server_first));
        CHECK(client.verify(server_final.substr(0, size)) == auth::errc::malformed_message);
        CHECK_FALSE(client.verified());
    }
}

TEST_CASE("a SCRAM client refuses a server that cannot show the signature") {
    const auto [message, error] = GENERATE(table<std::string, auth::errc>({
        {"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", auth::errc::wrong_signature},
        {"e=invalid-proof", auth::errc::refused_by_server},
        {"e=", auth::errc::refused_by_server},
        {"v=", auth::errc::malformed_message},
        {server_final + ",", auth::errc::malformed_message},
        {server_final + "\0"s, auth::errc::malformed_message},
        {"x=1," + server_final, auth::errc::malformed_message},
        {server_final + "," + std::string(5000, 'x'), auth::errc::message_too_long},
    }));
    CAPTURE(message);
    auth::scram_client client{"pencil", {}, false, client_nonce};
    REQUIRE(client.final(server_first));
    CHECK(client.verify(message) == error);
    CHECK_FALSE(client.verified());
    CHECK(client.verify(server_final) == auth::errc::out_of_order);  // no second try
}

TEST_CASE("a SCRAM client takes each message of the server once and in order") {
    auth::scram_client client{"pencil", {}, false, client_nonce};
    CHECK(client.verify(server_final) == auth::errc::out_of_order);
    REQUIRE(client.final(server_first));
    CHECK(client.final(server_first).error() == auth::errc::out_of_order);
    CHECK_FALSE(client.verify(server_final));
    CHECK(client.verify(server_final) == auth::errc::out_of_order);
    CHECK(client.verified());
}
