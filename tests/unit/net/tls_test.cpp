#include "pgballast/net/tls.hpp"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <vector>

#include "tls_fixture.hpp"

using namespace pgballast;
using namespace pgballast::tests;
using net::tls_filter;

namespace {

struct world {
    identity who = server_identity("DNS:db.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1");
    context_ptr server = server_context(who);
    context_ptr client{SSL_CTX_new(TLS_client_method())};

    world() {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(client.get()), authority().certificate.get());
        SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
    }

    tls_pair pair(tls_filter::options how = {.server_name = "db.test", .check_name = true}) {
        return tests::make_pair(server.get(), tls_filter::make(client.get(), how).value());
    }
};

/// Sends `plain` from one end to the other, `step` bytes of ciphertext at a time.
std::string carry(tls_filter& from, tls_filter& to, net::bytes plain, std::size_t step) {
    std::string wire, arrived, back;
    REQUIRE_FALSE(from.encrypt(plain, [&](net::bytes data) { wire.append(data); }));
    for (std::size_t at = 0; at < wire.size(); at += step) {
        const auto error = to.decrypt(
            net::bytes{wire}.substr(at, step), [&](net::bytes data) { arrived.append(data); },
            [&](net::bytes data) { back.append(data); });
        REQUIRE_FALSE(error);
    }
    REQUIRE(back.empty());
    return arrived;
}

void finish(tls_pair& pair) {
    std::string nothing;
    REQUIRE(pair.shake_hands());
    const auto error = pair.client->decrypt(
        pair.to_client, [&](net::bytes data) { nothing.append(data); },
        [&](net::bytes data) { nothing.append(data); });
    REQUIRE_FALSE(error);
    REQUIRE(nothing.empty());
    pair.to_client.clear();
}

std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i)
        text.push_back(static_cast<char>(i * 31 + i / 251));
    return text;
}

}  // namespace

TEST_CASE("a handshake succeeds whatever pieces it arrives in") {
    world w;
    for (const std::size_t step :
         {std::string::npos, std::size_t{1000}, std::size_t{7}, std::size_t{1}}) {
        CAPTURE(step);
        auto pair = w.pair();
        CHECK(pair.shake_hands(step));
        CHECK(pair.client->version() == "TLSv1.3");
        CHECK_FALSE(pair.client->closed());
    }
}

TEST_CASE("bytes pass both ways in any size and any pieces") {
    world w;
    auto pair = w.pair();
    finish(pair);
    for (const std::size_t size : {1u, 5u, 16384u, 16385u, 100000u}) {
        const auto text = pattern(size);
        for (const std::size_t step :
             {std::size_t{1}, std::size_t{16 * 1024}, std::string::npos / 2}) {
            if (step == 1 && size > 20000)
                continue;
            CAPTURE(size, step);
            CHECK(carry(*pair.client, *pair.server, text, step) == text);
            CHECK(carry(*pair.server, *pair.client, text, step) == text);
        }
    }
}

TEST_CASE("TLS 1.2 is spoken, 1.1 is not") {
    world w;
    SSL_CTX_set_max_proto_version(w.server.get(), TLS1_2_VERSION);
    auto pair = w.pair();
    finish(pair);
    CHECK(pair.client->version() == "TLSv1.2");
    CHECK(carry(*pair.client, *pair.server, "select 1", 3) == "select 1");
}

TEST_CASE("what came behind the handshake waits for decrypt") {
    world w;
    auto pair = w.pair();
    REQUIRE_FALSE(tls_pair::advance(*pair.client, {}, pair.to_server, pair.client_error));
    REQUIRE_FALSE(
        tls_pair::advance(*pair.server, pair.to_server, pair.to_client, pair.server_error));
    std::string to_server;
    REQUIRE(tls_pair::advance(*pair.client, pair.to_client, to_server, pair.client_error));
    REQUIRE_FALSE(
        pair.client->encrypt("early bird", [&](net::bytes data) { to_server.append(data); }));

    std::string tickets, plain;
    REQUIRE(tls_pair::advance(*pair.server, to_server, tickets, pair.server_error));
    REQUIRE_FALSE(pair.server->decrypt(
        {}, [&](net::bytes data) { plain.append(data); }, [](net::bytes) {}));
    CHECK(plain == "early bird");
}

TEST_CASE("the sink of decrypt may answer at once") {
    world w;
    auto pair = w.pair();
    finish(pair);
    std::string wire, answers, heard;
    const auto to_wire = [&](net::bytes data) { wire.append(data); };
    REQUIRE_FALSE(pair.client->encrypt("one", to_wire));
    REQUIRE_FALSE(pair.client->encrypt("two", to_wire));
    const auto echo = [&](net::bytes plain) {
        REQUIRE_FALSE(pair.server->encrypt(plain, [&](net::bytes data) { answers.append(data); }));
    };
    REQUIRE_FALSE(pair.server->decrypt(wire, echo, [](net::bytes) {}));
    REQUIRE_FALSE(pair.client->decrypt(
        answers, [&](net::bytes data) { heard.append(data); }, [](net::bytes) {}));
    CHECK(heard == "onetwo");
}

TEST_CASE("close_notify is told from a bare end, and what follows it is dropped") {
    world w;
    auto pair = w.pair();
    finish(pair);
    std::string wire, plain;
    const auto to_wire = [&](net::bytes data) { wire.append(data); };
    const auto to_plain = [&](net::bytes data) { plain.append(data); };
    REQUIRE_FALSE(pair.server->encrypt("bye", to_wire));
    pair.server->shutdown(to_wire);
    REQUIRE_FALSE(pair.client->decrypt(wire, to_plain, to_wire));
    CHECK(plain == "bye");
    CHECK(pair.client->closed());
    CHECK_FALSE(pair.client->decrypt("rubbish", to_plain, to_wire));
    CHECK(plain == "bye");
}

TEST_CASE("a flipped bit anywhere in a record is an error") {
    world w;
    for (std::size_t at = 0; at < 5 + 4 + 16 + 1; ++at) {
        CAPTURE(at);
        auto pair = w.pair();
        finish(pair);
        std::string wire, plain;
        REQUIRE_FALSE(pair.server->encrypt("data", [&](net::bytes data) { wire.append(data); }));
        REQUIRE(at < wire.size());
        wire[at] = static_cast<char>(wire[at] ^ 1);
        wire.append(20000, '\0');  // a length that grew must not wait for ever
        CHECK(pair.client->decrypt(
            wire, [&](net::bytes data) { plain.append(data); }, [](net::bytes) {}));
        CHECK(plain.empty());
        CHECK_FALSE(pair.client->failure().empty());
    }
}

TEST_CASE("a server that speaks no TLS is an error, not a wait") {
    world w;
    auto filter = tls_filter::make(w.client.get(), {.server_name = "db.test"}).value();
    std::string out;
    const auto sink = [&](net::bytes data) { out.append(data); };
    REQUIRE(filter->handshake({}, sink).value() == tls_filter::progress::more);
    CHECK(filter->handshake("HTTP/1.1 400 Bad Request\r\n\r\n", sink).has_error());
}

TEST_CASE("the name in the certificate is checked: names, wildcards and addresses") {
    world w;
    const auto accepted = [&](const char* name) {
        auto pair = w.pair({.server_name = name, .check_name = true});
        const bool done = pair.shake_hands();
        if (!done) {
            CHECK(pair.client_error == net::tls_errc::certificate_rejected);
            CHECK_THAT(pair.client->failure(), Catch::Contains(name));
        }
        return done;
    };
    CHECK(accepted("db.test"));
    CHECK(accepted("DB.test"));
    CHECK(accepted("a.wild.test"));
    CHECK(accepted("127.0.0.1"));
    CHECK(accepted("::1"));
    CHECK_FALSE(accepted("other.test"));
    CHECK_FALSE(accepted("a.b.wild.test"));
    CHECK_FALSE(accepted("127.0.0.2"));
}

TEST_CASE("a name with its trailing dot is the same name") {
    world w;
    auto pair = w.pair({.server_name = "db.test.", .check_name = true});
    CHECK(pair.shake_hands());
    CHECK(SSL_CTX_get_verify_mode(w.client.get()) == SSL_VERIFY_PEER);
}

TEST_CASE("a name that is to be checked must be there") {
    world w;
    const auto filter = tls_filter::make(w.client.get(), {.check_name = true});
    CHECK(filter.error() == net::tls_errc::no_name_to_check);
}

TEST_CASE("SNI carries names, never addresses") {
    world w;
    std::string seen;
    SSL_CTX_set_tlsext_servername_arg(w.server.get(), &seen);
    SSL_CTX_set_tlsext_servername_callback(
        w.server.get(), +[](SSL* ssl, int*, void* arg) {
            const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
            *static_cast<std::string*>(arg) = name ? name : "(none)";
            return SSL_TLSEXT_ERR_OK;
        });
    const auto sni_of = [&](const char* name) {
        auto pair = w.pair({.server_name = name});
        REQUIRE(pair.shake_hands());
        return seen;
    };
    CHECK(sni_of("ep-1.neon.test.") == "ep-1.neon.test");
    CHECK(sni_of("db.test") == "db.test");
    CHECK(sni_of("127.0.0.1") == "(none)");
    CHECK(sni_of("::1") == "(none)");
    CHECK(sni_of("") == "(none)");
}

TEST_CASE("direct TLS insists on ALPN") {
    world w;
    auto good = w.pair({.server_name = "db.test", .direct = true});
    CHECK(good.shake_hands());

    w.server = server_context(w.who, false);
    auto bad = w.pair({.server_name = "db.test", .direct = true});
    CHECK_FALSE(bad.shake_hands());
    CHECK(bad.client_error == net::tls_errc::no_alpn);
}

TEST_CASE("tls-server-end-point is the same on both sides") {
    world w;
    auto pair = w.pair();
    REQUIRE(pair.shake_hands());
    CHECK(pair.client->server_certificate_hash().size() == 32);
    CHECK(pair.client->server_certificate_hash() == pair.server->server_certificate_hash());
    CHECK(pair.client->server_certificate_hash() ==
          net::tls_server_end_point(w.who.certificate.get()));
}

TEST_CASE("tls-server-end-point hashes as the signature does, but for MD5 and SHA-1") {
    const auto size = [](pkey_ptr key, const EVP_MD* digest) {
        const auto who = make_identity("x", "", nullptr, std::move(key), digest);
        return net::tls_server_end_point(who.certificate.get()).size();
    };
    CHECK(size(ec_key(), EVP_sha1()) == 32);
    CHECK(size(ec_key(), EVP_sha256()) == 32);
    CHECK(size(ec_key(), EVP_sha384()) == 48);
    CHECK(size(ec_key(), EVP_sha512()) == 64);
    CHECK(size(pkey_ptr{EVP_RSA_gen(2048)}, EVP_sha512()) == 64);
    CHECK(size(pkey_ptr{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")}, nullptr) == 0);
}

namespace {

/// Bytes that one end of a used, idle connection holds; zero under a sanitizer, which
/// has an allocator of its own.
std::size_t idle_size(world& w, const tls_filter::options& how, bool of_server) {
    const auto used = [&] {
        auto pair = w.pair(how);
        finish(pair);
        const auto text = pattern(40000);
        REQUIRE(carry(*pair.client, *pair.server, text, 1400) == text);
        REQUIRE(carry(*pair.server, *pair.client, text, 1400) == text);
        return std::move(of_server ? pair.server : pair.client);
    };
    const auto first = used();  // what is made once for all is made now
    constexpr std::size_t count = 100;
    std::vector<std::unique_ptr<tls_filter>> filters(count);
    const auto before = mallinfo2().uordblks;
    for (auto& filter : filters)
        filter = used();
    return (mallinfo2().uordblks - before) / count;
}

}  // namespace

// About 14 KiB are OpenSSL's own objects, the buffers of one record would be another 33.
TEST_CASE("an idle connection holds no buffers") {
    world w;
    SSL_CTX_set_num_tickets(w.server.get(), 0);  // as PostgreSQL does: libpq resumes nothing
    const auto server_size = idle_size(w, {.server_name = "db.test"}, true);
    CAPTURE(server_size);
    CHECK(server_size <= 16 * 1024);

    const auto client_size = idle_size(w, {.server_name = "db.test"}, false);
    CAPTURE(client_size);
    CHECK(client_size <= 22 * 1024);  // with the server's certificates
}
