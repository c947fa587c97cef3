#include "pgballast/proxy/login/connect_backend.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>

#include "pgballast/auth/scram.hpp"
#include "pgballast/wire/startup.hpp"
#include "scripted_server.hpp"

using namespace pgballast;
using namespace pgballast::tests;
using namespace std::chrono_literals;
using namespace std::string_literals;
using config::sslmode;
using script = scripted_server::script;

namespace {

constexpr auto ample = 20s;  // no test waits for it

config::dsn upstream(std::uint16_t port, sslmode mode = sslmode::disable) {
    config::dsn dsn;
    dsn.hosts = {{"db.test", port, "127.0.0.1"}};
    dsn.user = "alice";
    dsn.password = "secret";
    dsn.dbname = "app";
    dsn.sslmode = mode;
    return dsn;
}

std::string ok_and_welcome() {
    std::string out;
    wire::append_authentication(out, wire::auth_code::ok);
    wire::append_parameter_status(out, "server_version", "15.9");
    wire::append_backend_key(out, 4711, "\1\2\3\4");
    wire::append_ready_for_query(out, wire::txn::idle);
    return out;
}

std::string error(wire::bytes sqlstate, wire::bytes message) {
    std::string out;
    wire::append_error(out, {.severity = "FATAL", .sqlstate = sqlstate, .message = message});
    return out;
}

/// Lets anybody in, then echoes one message.
void trust(peer& client) {
    client.read_packet();
    client.send(ok_and_welcome());
    client.send(client.read_message());
    client.read_to_end();
}

script refuse(std::string with) {
    return [with](peer& client) {
        client.read_packet();
        client.send(with);
    };
}

/// Asks for SCRAM-SHA-256-PLUS where the connection is on TLS.
void scram(peer& client, const std::string& binding) {
    client.read_packet();
    std::string out;
    wire::append_authentication(
        out, wire::auth_code::sasl,
        binding.empty() ? "SCRAM-SHA-256\0\0"s : "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s);
    client.send(out);
    auth::scram_server server{auth::make_scram_verifier("secret", 16), binding};
    const auto initial = client.read_message().substr(wire::header_size);
    const auto response = wire::decode_sasl_initial_response(initial).value();
    out.clear();
    wire::append_authentication(out, wire::auth_code::sasl_continue,
                                server.first(response.mechanism, response.response).value());
    client.send(out);
    const auto final = server.final(client.read_message().substr(wire::header_size));
    if (!final)
        return client.send(error("28P01", "password authentication failed"));
    out.clear();
    wire::append_authentication(out, wire::auth_code::sasl_final, *final);
    client.send(out + ok_and_welcome());
    client.send(client.read_message());
    client.read_to_end();
}

proxy::connect_result connect(const config::dsn& dsn, std::chrono::milliseconds timeout = ample) {
    const net::tls_context tls{dsn};
    boost::asio::io_context io;
    proxy::connect_result result;
    boost::asio::co_spawn(io, proxy::connect_backend(dsn, tls, false, timeout),
                          [&](std::exception_ptr failed, proxy::connect_result got) {
                              REQUIRE_FALSE(failed);
                              result = std::move(got);
                          });
    io.run();
    return result;
}

proxy::logged_in must_connect(const config::dsn& dsn) {
    auto result = connect(dsn);
    if (const auto* failed = std::get_if<pool::failure>(&result))
        FAIL(failed->message);
    return std::move(std::get<proxy::logged_in>(result));
}

pool::failure must_fail(const config::dsn& dsn, std::chrono::milliseconds timeout = ample) {
    auto result = connect(dsn, timeout);
    REQUIRE(std::holds_alternative<pool::failure>(result));
    return std::get<pool::failure>(result);
}

/// Sends a message over the raw socket that was handed over, and reads its echo.
std::string echo(proxy::logged_in& session, const std::string& message) {
    std::string out, in;
    if (session.tls)
        (void)session.tls->encrypt(message, [&](net::bytes part) { out.append(part); });
    else
        out = message;
    REQUIRE(::send(session.fd, out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()));
    while (in.size() < message.size()) {
        pollfd ready{session.fd, POLLIN, 0};
        ::poll(&ready, 1, -1);
        char buffer[1000];
        const auto size = ::recv(session.fd, buffer, sizeof buffer, 0);
        REQUIRE(size > 0);
        const net::bytes data{buffer, static_cast<std::size_t>(size)};
        if (!session.tls)
            in.append(data);
        else
            REQUIRE_FALSE(session.tls->decrypt(
                data, [&](net::bytes part) { in.append(part); }, [](net::bytes) {}));
    }
    return in;
}

std::string query(wire::bytes text) {
    std::string out;
    wire::append_query(out, text);
    return out;
}

int option(int fd, int layer, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(fd, layer, name, &value, &size);
    return value;
}

struct certified {
    identity who = server_identity("DNS:db.test");
    context_ptr server = server_context(who);
    temporary_file roots{authority().certificate.get()};

    config::dsn upstream(std::uint16_t port, sslmode mode = sslmode::verify_full) const {
        auto dsn = ::upstream(port, mode);
        dsn.sslrootcert = roots.path();
        return dsn;
    }
    script tls_then(std::function<void(peer&)> rest) const {
        return [this, rest](peer& client) {
            if (client.accept_tls(server.get()))
                rest(client);
        };
    }
};

}  // namespace

TEST_CASE("a login over TCP hands over a tuned, non-blocking socket") {
    scripted_server server{{trust}};
    auto session = must_connect(upstream(server.port()));
    CHECK_FALSE(session.tls);
    CHECK(session.parameters == proxy::parameter_list{{"server_version", "15.9"}});
    CHECK(session.key.pid == 4711);
    CHECK(session.host == "db.test");
    CHECK(session.early.empty());
    const boost::asio::ip::tcp::endpoint remote{boost::asio::ip::address_v4::loopback(),
                                                server.port()};
    CHECK(session.remote == proxy::stream_endpoint{remote});

    CHECK((::fcntl(session.fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(option(session.fd, IPPROTO_TCP, TCP_NODELAY) == 1);
    CHECK(option(session.fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
    CHECK(option(session.fd, IPPROTO_TCP, TCP_KEEPIDLE) == 5);
    CHECK(option(session.fd, IPPROTO_TCP, TCP_KEEPINTVL) == 2);
    CHECK(option(session.fd, IPPROTO_TCP, TCP_KEEPCNT) == 2);
    CHECK(option(session.fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
    CHECK(echo(session, query("select 1")) == query("select 1"));
}

TEST_CASE("a login over a Unix socket asks for no TLS, whatever sslmode says") {
    std::string directory = "/tmp/pgballast-test-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()));
    {
        const auto server = scripted_server::on_unix_socket(directory + "/.s.PGSQL.5432", {trust});
        auto dsn = upstream(5432, sslmode::verify_full);
        dsn.hosts = {{directory, 5432, ""}};
        auto session = must_connect(dsn);
        CHECK(echo(session, query("select 1")) == query("select 1"));
    }
    std::filesystem::remove_all(directory);
}

TEST_CASE("a name is looked up each time") {
    scripted_server server{{trust}};
    auto dsn = upstream(server.port());
    dsn.hosts = {{"localhost", server.port(), ""}};
    auto session = must_connect(dsn);
    CHECK(echo(session, query("select 1")) == query("select 1"));
}

TEST_CASE("a path too long for a Unix socket is a failure") {
    auto dsn = upstream(5432);
    dsn.hosts = {{"/" + std::string(200, 'x'), 5432, ""}};
    CHECK_THAT(must_fail(dsn).message, Catch::Contains("too long"));
}

TEST_CASE("a login over TLS is verified, bound and handed over with its TLS") {
    certified world;
    scripted_server server{{world.tls_then(
        [](peer& client) { scram(client, client.tls().server_certificate_hash()); })}};
    auto dsn = world.upstream(server.port());
    dsn.channel_binding = config::channel_binding::require;
    auto session = must_connect(dsn);
    REQUIRE(session.tls);
    CHECK(session.tls->version() == "TLSv1.3");
    CHECK(echo(session, query("select 1")) == query("select 1"));
}

TEST_CASE("direct TLS sends no SSLRequest") {
    certified world;
    scripted_server server{{[&](peer& client) {
        if (client.start_tls(world.server.get()))
            scram(client, client.tls().server_certificate_hash());
    }}};
    auto dsn = world.upstream(server.port());
    dsn.sslnegotiation = config::sslnegotiation::direct;
    auto session = must_connect(dsn);
    CHECK(session.tls);
    CHECK(echo(session, query("select 1")) == query("select 1"));
}

TEST_CASE("direct TLS to a server that does not know it is a permanent failure") {
    certified world;
    world.server = server_context(world.who, false);
    scripted_server server{{[&](peer& client) {
        client.start_tls(world.server.get());
        client.read_to_end();
    }}};
    auto dsn = world.upstream(server.port());
    dsn.sslnegotiation = config::sslnegotiation::direct;
    CHECK(must_fail(dsn).kind == pool::failure_kind::permanent);
}

TEST_CASE("a certificate for another name is a permanent failure that says so") {
    certified world;
    scripted_server server{{world.tls_then(trust)}};
    auto dsn = world.upstream(server.port());
    dsn.hosts.front().host = "other.test";
    const auto why = must_fail(dsn);
    CHECK(why.kind == pool::failure_kind::permanent);
    CHECK_THAT(why.message, Catch::Contains("certificate verify failed"));
    CHECK_THAT(why.message, Catch::Contains("other.test"));
}

TEST_CASE("a server without TLS satisfies prefer, on the same connection, and not require") {
    const auto no_tls = [](peer& client) {
        client.read_packet();
        client.send("N");
        trust(client);
    };
    scripted_server preferred{{no_tls}};
    auto session = must_connect(upstream(preferred.port(), sslmode::prefer));
    CHECK(echo(session, query("select 1")) == query("select 1"));

    scripted_server required{{no_tls}};
    const auto why = must_fail(upstream(required.port(), sslmode::require));
    CHECK(why.kind == pool::failure_kind::permanent);
    CHECK_THAT(why.message, Catch::Contains("does not support TLS"));
}

TEST_CASE("prefer falls back to a plain connection when the handshake fails") {
    scripted_server server{{[](peer& client) {
                                client.read_packet();
                                client.send("S");
                                (void)client.read(5);  // of its ClientHello
                            },
                            trust}};
    auto session = must_connect(upstream(server.port(), sslmode::prefer));
    CHECK_FALSE(session.tls);
}

TEST_CASE("prefer falls back when pg_hba.conf turns away what is encrypted, allow when not") {
    certified world;
    const auto hba = refuse(error("28000", "no pg_hba.conf entry"));
    scripted_server plain_only{{world.tls_then(hba), trust}};
    CHECK_FALSE(must_connect(upstream(plain_only.port(), sslmode::prefer)).tls);

    scripted_server tls_only{{hba, world.tls_then(trust)}};
    CHECK(must_connect(upstream(tls_only.port(), sslmode::allow)).tls);
}

TEST_CASE("bytes behind the answer to SSLRequest are refused") {
    for (const auto* answer : {"SX", "NX"}) {
        scripted_server server{{[&](peer& client) {
            client.read_packet();
            client.send(answer);
            client.read_to_end();
        }}};
        const auto why = must_fail(upstream(server.port(), sslmode::require));
        CHECK(why.sqlstate == "08P01");
        CHECK_THAT(why.message, Catch::Contains("unencrypted data"));
    }
}

TEST_CASE("the next host is tried when one refuses connections or is starting up") {
    const int closed = scripted_server::reserve_port();
    scripted_server starting{{refuse(error("57P03", "the database system is starting up"))}};
    scripted_server good{{trust}};
    auto dsn = upstream(scripted_server::port_of(closed));
    dsn.hosts.push_back({"db2.test", starting.port(), "127.0.0.1"});
    dsn.hosts.push_back({"db3.test", good.port(), "127.0.0.1"});
    CHECK(must_connect(dsn).host == "db3.test");

    dsn.hosts.resize(1);
    CHECK(must_fail(dsn).kind == pool::failure_kind::restarting);
    ::close(closed);
}

TEST_CASE("a permanent failure is passed on without asking the next host") {
    scripted_server first{{refuse(error("3D000", "database \"app\" does not exist"))}};
    scripted_server second{{trust}};
    auto dsn = upstream(first.port());
    dsn.hosts.push_back({"db2.test", second.port(), "127.0.0.1"});
    const auto why = must_fail(dsn);
    CHECK(why.sqlstate == "3D000");
    CHECK(why.message == "database \"app\" does not exist");
    CHECK(second.join() == 0);
}

TEST_CASE("a wrong password is tried once, whatever sslmode allows") {
    certified world;
    scripted_server server{{world.tls_then([](peer& client) { scram(client, {}); }), trust}};
    auto dsn = upstream(server.port(), sslmode::prefer);
    dsn.password = "wrong";
    CHECK(must_fail(dsn).sqlstate == "28P01");
    CHECK(server.join() == 1);
}

TEST_CASE("a server that leaves in the middle is a transient failure, at every step") {
    certified world;
    const std::vector<script> scripts{
        [](peer&) {},
        [](peer& client) { client.read_packet(); },
        world.tls_then([](peer&) {}),
        world.tls_then([](peer& client) { client.read_packet(); }),
        world.tls_then([](peer& client) {
            client.read_packet();
            client.send(ok_and_welcome().substr(0, 20));
        }),
    };
    for (const auto& one : scripts) {
        scripted_server server{{one}};
        CHECK(must_fail(world.upstream(server.port())).kind == pool::failure_kind::transient);
    }
}

TEST_CASE("silence ends with the timeout, and the socket with it") {
    certified world;
    const std::vector<script> scripts{
        [](peer& client) { client.read_to_end(); },
        [](peer& client) {
            client.read_packet();
            client.send("S");
            client.read_to_end();
        },
        world.tls_then([](peer& client) { client.read_to_end(); }),
    };
    for (const auto& one : scripts) {
        scripted_server server{{one}};
        const auto why = must_fail(world.upstream(server.port()), 50ms);
        CHECK(why.kind == pool::failure_kind::transient);
        CHECK_THAT(why.message, Catch::Contains("timed out"));
        server.finish();  // it has seen the end of the connection
    }
}

TEST_CASE("a login that is abandoned closes its socket") {
    std::promise<void> reached;
    scripted_server server{{[&](peer& client) {
        client.read_packet();
        reached.set_value();
        client.read_to_end();
    }}};
    const auto dsn = upstream(server.port());
    const net::tls_context tls{dsn};
    {
        boost::asio::io_context io;
        boost::asio::co_spawn(io, proxy::connect_backend(dsn, tls, false, ample),
                              boost::asio::detached);
        auto asked = reached.get_future();
        while (asked.wait_for(0s) != std::future_status::ready)
            io.run_one_for(1ms);
    }
    server.finish();
}

TEST_CASE("what a server has begun to say behind ReadyForQuery is handed over") {
    const auto notice =
        error("57P01", "terminating connection due to administrator command").substr(0, 20);
    scripted_server server{{[&](peer& client) {
        client.read_packet();
        client.send(ok_and_welcome() + notice);
        client.read_to_end();
    }}};
    CHECK(must_connect(upstream(server.port())).early == notice);
}

TEST_CASE("a cancel request goes out with the key, under TLS where the upstream has it") {
    certified world;
    std::string heard;
    const auto listen = [&](peer& client) { heard = client.read_packet(); };
    const auto cancel = [&](const config::dsn& dsn) {
        const net::tls_context tls{dsn};
        const boost::asio::ip::tcp::endpoint remote{boost::asio::ip::address_v4::loopback(),
                                                    dsn.hosts.front().port};
        boost::asio::io_context io;
        boost::asio::co_spawn(io,
                              proxy::send_cancel(dsn, tls, remote, "db.test", {4711, "\1\2\3\4"}),
                              boost::asio::detached);
        io.run();
    };
    const auto expected = wire::encode_cancel_request({4711, "\1\2\3\4"});
    SECTION("in the clear") {
        scripted_server server{{listen}};
        cancel(upstream(server.port()));
        server.finish();
        CHECK(heard == expected);
    }
    SECTION("under TLS, with allow too") {
        for (const auto mode : {sslmode::allow, sslmode::prefer, sslmode::verify_full}) {
            heard.clear();
            scripted_server server{{world.tls_then(listen)}};
            cancel(world.upstream(server.port(), mode));
            server.finish();
            CHECK(heard == expected);
        }
    }
    SECTION("not at all to a server that cannot be verified") {
        scripted_server server{{world.tls_then(listen)}};
        auto dsn = world.upstream(server.port());
        dsn.sslrootcert.clear();
        cancel(dsn);
        server.finish();
        CHECK(heard.empty());
    }
}
