// Client and server against each other, with somebody between them.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using namespace std::string_literals;

namespace {

const auto certificate = "hash of a certificate"s;

enum message { client_first, server_first, client_final, server_final, message_count };

using meddler = std::function<void(message, std::string&)>;

void honest(message, std::string&) {}

/// Whether the client has let the server in and the server the client.
bool agree(auth::scram_client& client, auth::scram_server& server, const meddler& meddle = honest) {
    auto text = client.first();
    meddle(client_first, text);
    const auto challenge = server.first(client.mechanism(), text);
    if (!challenge)
        return false;

    text = *challenge;
    meddle(server_first, text);
    const auto answer = client.final(text);
    if (!answer)
        return false;

    text = *answer;
    meddle(client_final, text);
    const auto signature = server.final(text);
    if (!signature)
        return false;

    text = *signature;
    meddle(server_final, text);
    const auto error = client.verify(text);
    CHECK(client.verified() == !error);
    return !error;
}

bool agree(const std::string& binding, const meddler& meddle = honest) {
    auth::scram_client client{"pencil", binding};
    auth::scram_server server{auth::make_scram_verifier("pencil", 1), binding};
    return agree(client, server, meddle);
}

/// How long each message is.
std::vector<std::size_t> sizes(const std::string& binding) {
    std::vector<std::size_t> result;
    REQUIRE(agree(binding, [&](message, std::string& text) { result.push_back(text.size()); }));
    REQUIRE(result.size() == message_count);
    return result;
}

}  // namespace

TEST_CASE("client and server agree on a password") {
    const auto password = GENERATE(as<std::string>{}, "pencil", "", "p\u00e4\u00dfw\u00f6rd",
                                   "p\xe4ssword", std::string(5000, 'x'), "comma, equals = sign");
    const auto binding = GENERATE(as<std::string>{}, "", certificate);
    const auto could_bind = GENERATE(false, true);
    CAPTURE(password, binding);
    auth::scram_client client{password, binding, could_bind};
    auth::scram_server server{auth::make_scram_verifier(password, 1), binding};
    CHECK(agree(client, server));
}

TEST_CASE("a password is the same however its characters are composed") {
    auth::scram_client client{"e\u0301"};
    auth::scram_server server{auth::make_scram_verifier("\u00e9", 1)};
    CHECK(agree(client, server));
}

TEST_CASE("a wrong password is refused by the server") {
    const auto password = GENERATE(as<std::string>{}, "", "Pencil", "pencil ", "pencils");
    auth::scram_client client{password};
    auth::scram_server server{auth::make_scram_verifier("pencil", 1)};
    const auto challenge = server.first(client.mechanism(), client.first()).value();
    CHECK(server.final(client.final(challenge).value()).error() == auth::errc::wrong_password);
}

TEST_CASE("a user who does not exist is refused like a wrong password") {
    auth::scram_client client{"pencil"};
    auth::scram_server server{auth::make_mock_verifier("nobody", "secret")};
    const auto challenge = server.first(client.mechanism(), client.first()).value();
    CHECK(server.final(client.final(challenge).value()).error() == auth::errc::wrong_password);
}

TEST_CASE("a server that has only the stored key cannot pass for the real one") {
    auto verifier = auth::make_scram_verifier("pencil", 1);
    verifier.server_key = {};
    auth::scram_client client{"pencil"};
    auth::scram_server server{verifier};
    CHECK_FALSE(agree(client, server));
    CHECK_FALSE(client.verified());
}

TEST_CASE("peers on two different TLS connections do not agree") {
    auth::scram_client client{"pencil", "certificate of the one between"};
    auth::scram_server server{auth::make_scram_verifier("pencil", 1), certificate};
    const auto challenge = server.first(client.mechanism(), client.first()).value();
    CHECK(server.final(client.final(challenge).value()).error() == auth::errc::binding_mismatch);
}

TEST_CASE("a client that did not see our offer of -PLUS is told so") {
    auth::scram_client client{"pencil", {}, true};
    auth::scram_server server{auth::make_scram_verifier("pencil", 1), certificate};
    CHECK(server.first(client.mechanism(), client.first()).error() ==
          auth::errc::binding_downgrade);
}

TEST_CASE("an exchange in which one byte was changed fails") {
    const auto binding = GENERATE(as<std::string>{}, "", certificate);
    const auto lengths = sizes(binding);
    for (int which = 0; which < message_count; ++which) {
        for (std::size_t at = 0; at < lengths[which]; ++at) {
            for (const unsigned char bits : {0x01, 0x20, 0xff}) {
                CAPTURE(which, at, static_cast<int>(bits));
                CHECK_FALSE(agree(binding, [&](message now, std::string& text) {
                    if (now == which)
                        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ bits);
                }));
            }
        }
    }
}

TEST_CASE("an exchange in which a message was cut short fails") {
    const auto binding = GENERATE(as<std::string>{}, "", certificate);
    const auto lengths = sizes(binding);
    for (int which = 0; which < message_count; ++which) {
        for (std::size_t size = 0; size < lengths[which]; ++size) {
            CAPTURE(which, size);
            CHECK_FALSE(agree(binding, [&](message now, std::string& text) {
                if (now == which)
                    text.resize(size);
            }));
        }
    }
}

TEST_CASE("an exchange in which a byte was put in or taken out fails") {
    const auto lengths = sizes("");
    for (int which = 0; which < message_count; ++which) {
        for (std::size_t at = 0; at < lengths[which]; ++at) {
            CAPTURE(which, at);
            CHECK_FALSE(agree("", [&](message now, std::string& text) {
                if (now == which)
                    text.erase(at, 1);
            }));
            CHECK_FALSE(agree("", [&](message now, std::string& text) {
                if (now == which)
                    text.insert(at, 1, 'x');
            }));
        }
    }
}
