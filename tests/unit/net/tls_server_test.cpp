#include "pgballast/net/tls_server.hpp"

#include <catch2/catch.hpp>

#include "pgballast/net/tls_context.hpp"
#include "tls_fixture.hpp"

using namespace pgballast;
using namespace pgballast::tests;
using config::sslmode;

namespace {

config::client_tls_settings settings(const temporary_file& identity, sslmode mode,
                                     const std::string& ca = {}) {
    return {.mode = mode, .cert = identity.path(), .key = {}, .ca = ca};
}

/// A client after libpq's rules, which shows a certificate if it is given one.
std::unique_ptr<net::tls_filter> client(const std::string& identity = {}, bool direct = false) {
    config::dsn dsn;
    dsn.sslmode = sslmode::require;
    dsn.sslcert = identity;
    if (direct)
        dsn.sslnegotiation = config::sslnegotiation::direct;
    return net::tls_context{dsn}.make_filter("db.test").value();
}

tls_pair connect(const net::tls_server& server, std::unique_ptr<net::tls_filter> client,
                 bool direct = false) {
    tls_pair pair;
    pair.client = std::move(client);
    pair.server = server.make_filter(direct).value();
    return pair;
}

/// Under TLS 1.3 a client believes in the handshake before the server has looked at its
/// certificate.
bool server_accepts(tls_pair pair) {
    pair.shake_hands();
    return !pair.server_error;
}

std::string reason(const config::client_tls_settings& given) {
    try {
        net::tls_server{given};
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("a client is served with our certificate, from the chain's file") {
    const temporary_file own{server_identity("DNS:db.test")};
    const net::tls_server server{settings(own, sslmode::prefer)};
    for (const std::size_t step : {std::string::npos, std::size_t{1}}) {
        auto pair = connect(server, client());
        CHECK(pair.shake_hands(step));
        CHECK_FALSE(pair.server->server_certificate_hash().empty());
        CHECK(pair.server->server_certificate_hash() == pair.client->server_certificate_hash());
        CHECK(pair.server->peer_common_name().empty());
    }
}

TEST_CASE("nothing is resumed, and no tickets are sent") {
    const temporary_file own{server_identity("DNS:db.test")};
    const net::tls_server server{settings(own, sslmode::prefer)};
    config::dsn dsn;
    dsn.sslmode = sslmode::require;
    const net::tls_context context{dsn};
    for (int round = 0; round < 2; ++round) {
        auto pair = connect(server, context.make_filter("db.test").value());
        REQUIRE(pair.shake_hands());
        CHECK(pair.to_client.empty());
        CHECK_FALSE(pair.client->resumed());
    }
}

TEST_CASE("direct TLS needs ALPN") {
    const temporary_file own{server_identity("DNS:db.test")};
    const net::tls_server server{settings(own, sslmode::prefer)};
    auto good = connect(server, client({}, true), true);
    CHECK(good.shake_hands());
    auto without = connect(server, client(), true);
    CHECK_FALSE(without.shake_hands());
    CHECK(without.server_error == net::tls_errc::no_alpn);
    // Behind an SSLRequest it may be said, too.
    auto both = connect(server, client({}, true), false);
    CHECK(both.shake_hands());
}

TEST_CASE("a client's certificate is verified where it is shown, and asked for where it must be") {
    const temporary_file own{server_identity("DNS:db.test")};
    const temporary_file roots{authority().certificate.get()};
    const temporary_file theirs{
        make_identity("alice", "DNS:a.test", &authority(), ec_key(), EVP_sha256())};
    const temporary_file forged{
        make_identity("alice", "DNS:a.test", nullptr, ec_key(), EVP_sha256())};

    const net::tls_server asking{settings(own, sslmode::require, roots.path())};
    CHECK(server_accepts(connect(asking, client())));
    CHECK_FALSE(server_accepts(connect(asking, client(forged.path()))));
    auto known = connect(asking, client(theirs.path()));
    REQUIRE(known.shake_hands());
    CHECK(known.server->peer_common_name() == "alice");

    for (const auto mode : {sslmode::verify_ca, sslmode::verify_full}) {
        const net::tls_server insisting{settings(own, mode, roots.path())};
        CHECK(server_accepts(connect(insisting, client(theirs.path()))));
        CHECK_FALSE(server_accepts(connect(insisting, client())));
        CHECK_FALSE(server_accepts(connect(insisting, client(forged.path()))));
    }
}

TEST_CASE("a file that cannot be used is named") {
    const temporary_file own{server_identity("DNS:db.test")};
    const temporary_file other{server_identity("DNS:other.test")};
    const temporary_file empty;
    using Catch::Contains;
    CHECK_THAT(reason(settings(empty, sslmode::prefer)), Contains("client_tls.cert"));
    auto wrong_key = settings(own, sslmode::prefer);
    wrong_key.key = other.path();
    CHECK_THAT(reason(wrong_key), Contains(other.path()));
    CHECK_THAT(reason(settings(own, sslmode::prefer, "/nonexistent/ca.crt")),
               Contains("client_tls.ca") && Contains("/nonexistent/ca.crt"));
}
