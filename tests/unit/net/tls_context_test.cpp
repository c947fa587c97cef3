#include "pgballast/net/tls_context.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tls_fixture.hpp"

using namespace pgballast;
using namespace pgballast::tests;
using config::sslmode;

namespace {

config::dsn upstream(sslmode mode, const std::filesystem::path& roots = {}) {
    config::dsn dsn;
    dsn.sslmode = mode;
    dsn.sslrootcert = roots;
    return dsn;
}

bool connects(const net::tls_context& context, SSL_CTX* server, const std::string& host) {
    auto pair = tests::make_pair(server, context.make_filter(host).value());
    return pair.shake_hands();
}

/// Shakes hands and reads what the server sends behind it: session tickets.
bool resumes(const net::tls_context& context, SSL_CTX* server, const std::string& host) {
    auto pair = tests::make_pair(server, context.make_filter(host).value());
    const bool done = pair.shake_hands();
    if (!done)
        throw std::runtime_error{"no handshake"};
    (void)pair.client->decrypt(
        pair.to_client, [](net::bytes) {}, [](net::bytes) {});
    return pair.client->resumed();
}

}  // namespace

TEST_CASE("sslmode and sslrootcert decide what is verified, as in libpq") {
    const temporary_file roots{authority().certificate.get()};
    const auto who = server_identity("DNS:db.test");
    const auto server = server_context(who);
    const auto stranger = make_identity("stranger", "DNS:db.test", nullptr, ec_key(), EVP_sha256());
    const auto impostor = server_context(stranger);

    const auto verdict = [&](const config::dsn& dsn) {
        const net::tls_context context{dsn};
        std::string said;
        said += connects(context, server.get(), "db.test") ? "name " : "";
        said += connects(context, server.get(), "other.test") ? "chain " : "";
        said += connects(context, impostor.get(), "db.test") ? "anybody" : "";
        return said;
    };
    for (const auto mode : {sslmode::allow, sslmode::prefer, sslmode::require}) {
        CHECK(verdict(upstream(mode)) == "name chain anybody");
        CHECK(verdict(upstream(mode, "/nonexistent/root.crt")) == "name chain anybody");
        CHECK(verdict(upstream(mode, roots.path())) == "name chain ");
    }
    CHECK(verdict(upstream(sslmode::verify_ca, roots.path())) == "name chain ");
    CHECK(verdict(upstream(sslmode::verify_full, roots.path())) == "name ");
    for (const auto mode : {sslmode::verify_ca, sslmode::verify_full})
        CHECK(verdict(upstream(mode)).empty());  // our authority is none of the system's
}

TEST_CASE("sslrootcert=system verifies the name whatever the mode") {
    const net::tls_context context{upstream(sslmode::require, "system")};
    CHECK(context.verifies());
    CHECK(context.checks_name());
}

TEST_CASE("a file that cannot be loaded is named") {
    const auto message = [](const config::dsn& dsn) -> std::string {
        try {
            const net::tls_context context{dsn};
        } catch (const std::runtime_error& e) {
            return e.what();
        }
        return "";
    };
    using Catch::Contains;
    CHECK_THAT(message(upstream(sslmode::verify_ca, "/nonexistent/root.crt")),
               Contains("sslrootcert \"/nonexistent/root.crt\""));
    auto dsn = upstream(sslmode::require);
    dsn.sslcert = "/nonexistent/client.crt";
    CHECK_THAT(message(dsn), Contains("sslcert \"/nonexistent/client.crt\""));

    const auto one = server_identity("DNS:a");
    const auto other = server_identity("DNS:b");
    const temporary_file certificate{one}, key{other};
    dsn.sslcert = certificate.path();
    dsn.sslkey = key.path();
    CHECK_THAT(message(dsn), Contains("sslkey"));
}

TEST_CASE("a client certificate is shown to a server that asks for one") {
    const auto client = make_identity("client", "DNS:me", &authority(), ec_key(), EVP_sha256());
    const temporary_file both{client};
    const auto who = server_identity("DNS:db.test");
    const auto server = server_context(who);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(server.get()), authority().certificate.get());
    SSL_CTX_set_verify(server.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);

    auto dsn = upstream(sslmode::require);
    CHECK_FALSE(connects(net::tls_context{dsn}, server.get(), "db.test"));
    dsn.sslcert = dsn.sslkey = both.path();
    CHECK(connects(net::tls_context{dsn}, server.get(), "db.test"));
}

TEST_CASE("the next connection to the same server resumes the session") {
    const temporary_file roots{authority().certificate.get()};
    const auto who = server_identity("DNS:db.test,DNS:other.test");
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        const auto server = server_context(who);
        SSL_CTX_set_session_id_context(server.get(), reinterpret_cast<const unsigned char*>("t"),
                                       1);
        SSL_CTX_set_max_proto_version(server.get(), version);
        const net::tls_context context{upstream(sslmode::verify_full, roots.path())};
        CHECK_FALSE(resumes(context, server.get(), "db.test"));
        CHECK(resumes(context, server.get(), "db.test"));
        CHECK(resumes(context, server.get(), "db.test"));
        CHECK_FALSE(resumes(context, server.get(), "other.test"));
    }
}

TEST_CASE("a resumed connection still knows the server's certificate") {
    const auto who = server_identity("DNS:db.test");
    const auto server = server_context(who);
    const net::tls_context context{upstream(sslmode::require)};
    REQUIRE_FALSE(resumes(context, server.get(), "db.test"));
    auto pair = tests::make_pair(server.get(), context.make_filter("db.test").value());
    REQUIRE(pair.shake_hands());
    REQUIRE(pair.client->resumed());
    CHECK(pair.client->server_certificate_hash() ==
          net::tls_server_end_point(who.certificate.get()));
}

TEST_CASE("a session the server no longer knows costs a full handshake, no error") {
    const auto who = server_identity("DNS:db.test");
    const net::tls_context context{upstream(sslmode::require)};
    CHECK_FALSE(resumes(context, server_context(who).get(), "db.test"));
    CHECK_FALSE(resumes(context, server_context(who).get(), "db.test"));
}

TEST_CASE("threads share a context and its sessions") {
    const auto who = server_identity("DNS:db.test");
    const auto server = server_context(who);
    const net::tls_context context{upstream(sslmode::require)};
    REQUIRE_FALSE(resumes(context, server.get(), "db.test"));
    std::vector<std::thread> threads;
    std::atomic<int> resumed = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i)
                resumed += resumes(context, server.get(), "db.test");
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(resumed == 80);
}

TEST_CASE("the session cache is bounded") {
    net::tls_session_cache cache;
    for (std::size_t i = 0; i < 10 * net::tls_session_cache::servers_max; ++i)
        cache.keep("server" + std::to_string(i), net::ssl_session_ptr{SSL_SESSION_new()});
    cache.forget("server1");
    CHECK_FALSE(cache.find("nobody"));
}
