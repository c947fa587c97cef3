#include "pgballast/proxy/login/backend_login.hpp"

#include <catch2/catch.hpp>
#include <functional>

#include "pgballast/auth/md5.hpp"
#include "pgballast/wire/startup.hpp"
#include "pgballast/wire/writer.hpp"

using namespace pgballast;
using namespace std::string_literals;
using proxy::backend_login;
using progress = backend_login::progress;
using wire::auth_code;

namespace {

const std::string certificate_hash(32, 'h');

config::dsn upstream(config::channel_binding binding = config::channel_binding::prefer) {
    config::dsn dsn;
    dsn.user = "alice";
    dsn.password = "secret";
    dsn.dbname = "app";
    dsn.channel_binding = binding;
    return dsn;
}

std::string authentication(auth_code code, wire::bytes data = {}) {
    std::string out;
    wire::append_authentication(out, code, data);
    return out;
}

std::string frame(char type, wire::bytes body) {
    std::string out;
    wire::message{out, type}.view(body);
    return out;
}

std::string welcome() {
    std::string out;
    wire::append_parameter_status(out, "server_version", "15.9");
    wire::append_notice(out, {.severity = "WARNING", .sqlstate = "01000", .message = "hm"});
    wire::append_parameter_status(out, "TimeZone", "UTC");
    wire::append_parameter_status(out, "TimeZone", "GMT");
    wire::append_backend_key(out, 4711, "\1\2\3\4");
    wire::append_ready_for_query(out, wire::txn::idle);
    return out;
}

std::string error(wire::bytes sqlstate, wire::bytes message) {
    std::string out;
    wire::append_error(out, {.severity = "FATAL", .sqlstate = sqlstate, .message = message});
    return out;
}

/// Feeds in pieces of `step` bytes; what is left behind the end is not fed.
progress feed(backend_login& login, wire::bytes in, std::string& out,
              std::size_t step = std::string::npos) {
    auto now = progress::more;
    while (!in.empty() && now == progress::more) {
        const auto part = in.substr(0, step);
        now = login.feed(part, out);
        in.remove_prefix(part.size());
    }
    return now;
}

/// What a server that sends only `script` makes of the login.
struct outcome {
    progress now;
    pool::failure why = {};
    bool turned_away = false;
    std::string sent = {};
};
outcome run(const std::string& script, const config::dsn& dsn = upstream(), bool neon = false,
            std::size_t step = std::string::npos) {
    backend_login login{dsn, {}, neon};
    outcome result{};
    result.now = feed(login, script, result.sent, step);
    if (result.now == progress::failed) {
        result.why = login.failure();
        result.turned_away = login.turned_away();
    }
    return result;
}

wire::bytes body_of(const std::string& message) {
    return wire::bytes{message}.substr(wire::header_size);
}

/// A server that asks for SCRAM; each answer may be tampered with on its way.
struct scram_world {
    config::dsn dsn = upstream();
    backend_login::transport transport = {};
    std::string mechanisms = "SCRAM-SHA-256\0\0"s;
    std::string server_password = "secret";
    std::string server_binding = {};
    std::function<void(std::string&)> on_first = [](auto&) {};
    std::function<void(std::string&)> on_final = [](auto&) {};
    std::string behind = authentication(auth_code::ok) + welcome();
    std::size_t step = std::string::npos;

    std::string mechanism = {};
    pool::failure why = {};
    proxy::backend_session session = {};

    progress run() {
        backend_login login{dsn, transport, false};
        const auto end = talk(login);
        if (end == progress::failed)
            why = login.failure();
        else if (end == progress::done)
            session = login.take_session();
        return end;
    }

 private:
    progress talk(backend_login& login) {
        std::string out;
        if (feed(login, authentication(auth_code::sasl, mechanisms), out, step) != progress::more)
            return progress::failed;
        const auto initial = wire::decode_sasl_initial_response(body_of(out)).value();
        mechanism = initial.mechanism;
        auth::scram_server server{auth::make_scram_verifier(server_password, 16), server_binding};
        auto first = server.first(initial.mechanism, initial.response).value();
        on_first(first);
        out.clear();
        if (feed(login, authentication(auth_code::sasl_continue, first), out, step) !=
            progress::more)
            return progress::failed;
        auto proof = server.final(body_of(out));
        auto final = proof ? *proof : "e=other-error"s;
        on_final(final);
        return feed(login, authentication(auth_code::sasl_final, final) + behind, out, step);
    }
};

}  // namespace

TEST_CASE("the startup packet carries what the upstream is given, and nothing else") {
    auto dsn = upstream();
    dsn.application_name = "shop";
    dsn.options = "endpoint=ep-1";
    const auto packet = backend_login{dsn, {}, false}.start();
    const auto decoded = wire::decode_startup(packet).value();
    REQUIRE(decoded);
    CHECK(decoded->size == packet.size());
    const auto& message = std::get<wire::startup_message>(decoded->packet);
    CHECK(message.protocol == wire::protocol_3_0);
    using parameters = std::vector<std::pair<std::string, std::string>>;
    CHECK(message.parameters == parameters{{"user", "alice"},
                                           {"database", "app"},
                                           {"application_name", "shop"},
                                           {"options", "endpoint=ep-1"}});
}

TEST_CASE("a login without a password yields parameters and key, in any pieces") {
    const auto script = authentication(auth_code::ok) + welcome();
    for (std::size_t step = 1; step <= script.size(); ++step) {
        CAPTURE(step);
        const auto dsn = upstream();
        backend_login login{dsn, {}, false};
        std::string out;
        REQUIRE(feed(login, script, out, step) == progress::done);
        CHECK(out.empty());
        const auto session = login.take_session();
        const proxy::parameter_list expected{{"server_version", "15.9"}, {"TimeZone", "GMT"}};
        CHECK(session.parameters == expected);
        CHECK(session.key.pid == 4711);
        CHECK(session.key.key == "\1\2\3\4");
        CHECK(session.early.empty());
    }
}

TEST_CASE("no prefix of a login is taken for the whole") {
    const auto script = authentication(auth_code::ok) + welcome();
    for (std::size_t size = 0; size < script.size(); ++size) {
        CAPTURE(size);
        CHECK(run(script.substr(0, size)).now == progress::more);
    }
}

TEST_CASE("what has begun behind ReadyForQuery is kept") {
    const auto script = authentication(auth_code::ok) + welcome();
    const auto dsn = upstream();
    backend_login login{dsn, {}, false};
    std::string out;
    REQUIRE(login.feed(script + "E\0"s, out) == progress::done);
    CHECK(login.take_session().early == "E\0"s);
}

TEST_CASE("a login that ends with an error, or with what nobody asked for, has failed") {
    const auto script = authentication(auth_code::ok) + welcome();
    const auto farewell = "terminating connection due to administrator command";
    const auto ended = run(script + error("57P01", farewell));
    CHECK(ended.now == progress::failed);
    CHECK(ended.why.sqlstate == "57P01");
    CHECK(ended.why.message == farewell);
    for (const auto& unasked :
         {frame('C', "SELECT 1\0"s), frame('Z', "I"), frame('K', "\0\0\0\1\0\0\0\2"s)})
        CHECK(run(script + unasked).now == progress::failed);
    CHECK(run(script + frame('A', "\0\0\0\1a\0\0"s)).now == progress::done);
}

TEST_CASE("a cleartext password is answered once") {
    const auto request = authentication(auth_code::cleartext);
    const auto first = run(request);
    CHECK(first.now == progress::more);
    CHECK(first.sent == frame('p', "secret\0"s));
    CHECK(run(request + authentication(auth_code::ok) + welcome()).now == progress::done);
    CHECK(run(request + request).now == progress::failed);
}

TEST_CASE("an md5 request is answered with its salt") {
    const auto request = authentication(auth_code::md5, "salt");
    const auto result = run(request);
    CHECK(result.now == progress::more);
    CHECK(result.sent == frame('p', auth::md5_response("alice", "secret", "salt").value() + "\0"s));
    CHECK(run(authentication(auth_code::md5, "sal")).now == progress::failed);
}

TEST_CASE("a password that is asked for and not there is a permanent failure") {
    auto dsn = upstream();
    dsn.password.clear();
    for (const auto& request :
         {authentication(auth_code::cleartext), authentication(auth_code::md5, "salt"),
          authentication(auth_code::sasl, "SCRAM-SHA-256\0\0"s)}) {
        const auto result = run(request, dsn);
        CHECK(result.now == progress::failed);
        CHECK(result.why.kind == pool::failure_kind::permanent);
        CHECK(result.why.sqlstate == "28P01");
        CHECK(result.sent.empty());
    }
}

TEST_CASE("SCRAM proves both sides, in any pieces") {
    for (const std::size_t step : {std::string::npos, std::size_t{1}, std::size_t{7}}) {
        scram_world world;
        world.step = step;
        CHECK(world.run() == progress::done);
        CHECK(world.mechanism == "SCRAM-SHA-256");
        CHECK(world.session.key.pid == 4711);
    }
}

TEST_CASE("SCRAM is bound to the TLS connection where the server offers it") {
    scram_world world;
    world.transport = {true, certificate_hash};
    world.mechanisms = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"s;
    world.server_binding = certificate_hash;

    SECTION("by default") {
        CHECK(world.run() == progress::done);
        CHECK(world.mechanism == "SCRAM-SHA-256-PLUS");
    }
    SECTION("when it is required") {
        world.dsn.channel_binding = config::channel_binding::require;
        CHECK(world.run() == progress::done);
    }
    SECTION("but not when it is disabled") {
        world.dsn.channel_binding = config::channel_binding::disable;
        CHECK(world.run() == progress::done);
        CHECK(world.mechanism == "SCRAM-SHA-256");
    }
    SECTION("and not when the certificate has no hash to bind to") {
        world.transport.server_certificate_hash.clear();
        CHECK(world.run() == progress::done);
        CHECK(world.mechanism == "SCRAM-SHA-256");
    }
}

TEST_CASE("a relay between us and the server is found out by channel binding") {
    scram_world world;
    world.transport = {true, certificate_hash};
    world.mechanisms = "SCRAM-SHA-256-PLUS\0\0"s;
    world.server_binding = std::string(32, 'x');
    CHECK(world.run() == progress::failed);
    CHECK(world.why.kind == pool::failure_kind::permanent);
}

TEST_CASE("channel_binding=require refuses every other way in") {
    const auto dsn = upstream(config::channel_binding::require);
    const auto encrypted = backend_login::transport{true, certificate_hash};
    for (const auto& request : {authentication(auth_code::ok), authentication(auth_code::cleartext),
                                authentication(auth_code::md5, "salt"),
                                authentication(auth_code::sasl, "SCRAM-SHA-256\0\0"s)}) {
        backend_login login{dsn, encrypted, false};
        std::string out;
        CHECK(login.feed(request, out) == progress::failed);
        CHECK(login.failure().kind == pool::failure_kind::permanent);
        CHECK(out.empty());
    }
    backend_login plain{dsn, {}, false};
    std::string out;
    CHECK(plain.feed(authentication(auth_code::sasl, "SCRAM-SHA-256-PLUS\0\0"s), out) ==
          progress::failed);
    CHECK(out.empty());
}

TEST_CASE("a server that does not know the password is not believed") {
    scram_world world;
    SECTION("when its signature is wrong") {
        world.on_final = [](std::string& final) { final[4] = final[4] == 'A' ? 'B' : 'A'; };
    }
    SECTION("when it knows another password") {
        world.server_password = "other";
        world.on_final = [](std::string& final) { final = "v=" + std::string(43, 'A') + '='; };
    }
    SECTION("when its nonce does not extend ours") {
        world.on_first = [](std::string& first) { first[2] = first[2] == 'a' ? 'b' : 'a'; };
    }
    CHECK(world.run() == progress::failed);
    CHECK(world.why.kind == pool::failure_kind::permanent);
    CHECK(world.why.sqlstate == "28000");
}

TEST_CASE("AuthenticationOk before the server's proof is refused") {
    const auto dsn = upstream();
    std::string out;
    backend_login login{dsn, {}, false};
    REQUIRE(login.feed(authentication(auth_code::sasl, "SCRAM-SHA-256\0\0"s), out) ==
            progress::more);
    CHECK(login.feed(authentication(auth_code::ok) + welcome(), out) == progress::failed);
    CHECK_THAT(login.failure().message, Catch::Contains("did not prove"));
}

TEST_CASE("an overlong nonce from the server is refused") {
    scram_world world;
    world.on_first = [](std::string& first) { first.insert(first.find(','), 1500, 'n'); };
    CHECK(world.run() == progress::failed);
}

TEST_CASE("the server's refusal is passed on in its own words") {
    std::string refusal;
    wire::append_error(refusal, {.severity = "FATAL",
                                 .sqlstate = "3D000",
                                 .message = "database \"app\" does not exist",
                                 .detail = "the detail",
                                 .hint = "the hint"});
    const auto behind_ok = run(authentication(auth_code::ok) + refusal);
    CHECK(behind_ok.now == progress::failed);
    CHECK(behind_ok.why.kind == pool::failure_kind::permanent);
    CHECK(behind_ok.why.sqlstate == "3D000");
    CHECK(behind_ok.why.message == "database \"app\" does not exist");
    CHECK(behind_ok.why.detail == "the detail");
    CHECK(behind_ok.why.hint == "the hint");
    CHECK_FALSE(behind_ok.turned_away);

    CHECK(run(error("57P03", "the database system is starting up")).why.kind ==
          pool::failure_kind::restarting);
    CHECK(run(error("XX000", "password authentication failed for user"), upstream(), true)
              .why.sqlstate == "28P01");
    CHECK(run(authentication(auth_code::ok) + welcome().substr(0, 20) + "").now == progress::more);
}

TEST_CASE("who is turned away unasked may try another kind of connection") {
    CHECK(run(error("28000", "no pg_hba.conf entry for host")).turned_away);
    CHECK_FALSE(run(error("57P03", "the database system is starting up")).turned_away);
    CHECK_FALSE(
        run(authentication(auth_code::cleartext) + error("28P01", "wrong password")).turned_away);
}

TEST_CASE("an ErrorResponse without SQLSTATE or without any field is survived") {
    for (const auto& body : {"SFATAL\0Moh no\0\0"s, "\0"s, ""s, "M"s, "Mcut short"s}) {
        const auto result = run(frame('E', body));
        CHECK(result.now == progress::failed);
        CHECK_FALSE(result.why.sqlstate.empty());
        CHECK_FALSE(result.why.message.empty());
    }
}

TEST_CASE("a postmaster that cannot fork is quoted, though it speaks protocol 2") {
    const auto result = run("Ecould not fork new process for connection: out of memory\n\0"s);
    CHECK(result.now == progress::failed);
    CHECK(result.why.kind == pool::failure_kind::transient);
    CHECK(result.why.message == "could not fork new process for connection: out of memory");
    CHECK_THAT(run("E\xff\xff\xff\xff"s).why.message, Catch::Contains("length"));
}

TEST_CASE("what has no place in a login ends it") {
    const auto ok = authentication(auth_code::ok);
    const auto key = frame('K', "\0\0\0\1\0\0\0\2"s);
    std::string status;
    wire::append_parameter_status(status, "a", "b");
    for (const auto& script : {
             "HTTP/1.1 400 Bad Request\r\n\r\n"s,
             frame('T', "row"),
             frame('Z', "I"),  // before AuthenticationOk
             key,
             status,                // likewise
             ok + ok,               // twice
             ok + frame('D', ""),   // a row
             ok + frame('Z', "X"),  // no such status
             ok + frame('Z', ""),
             ok + frame('K', "\0\0"s),
             ok + frame('S', "name"s),
             ok + frame('v', "\0\0\0\0\0\0\0\0"s),
             authentication(auth_code::sasl_continue, "r=x"),
             authentication(auth_code::sasl_final, "v=x"),
             authentication(auth_code::sasl, ""),
             authentication(auth_code::sasl, "SCRAM-SHA-256"),
             authentication(auth_code::sasl, "OAUTHBEARER\0\0"s),
             authentication(static_cast<auth_code>(7)),  // GSSAPI
             authentication(static_cast<auth_code>(-1)),
             frame('R', "\0"s),
         }) {
        CAPTURE(script);
        const auto whole = run(script);
        CHECK(whole.now == progress::failed);
        CHECK_FALSE(whole.why.message.empty());
        CHECK(run(script, upstream(), false, 1).now == progress::failed);
    }
}

TEST_CASE("NegotiateProtocolVersion and notices before the login are passed over") {
    std::string notice;
    wire::append_notice(notice, {.severity = "NOTICE", .sqlstate = "00000", .message = "hello"});
    const auto negotiate = frame('v', "\0\3\0\0\0\0\0\0"s);
    CHECK(run(negotiate + notice + authentication(auth_code::ok) + welcome()).now ==
          progress::done);
}

TEST_CASE("lengths above the bounds are refused as soon as they are read") {
    const auto header = [](char type, std::uint32_t body) {
        std::string out = frame(type, "");
        boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(out.data() + 1), body + 4);
        return out;
    };
    const auto ok = authentication(auth_code::ok);
    CHECK(run(header('R', backend_login::authentication_size_max)).now == progress::more);
    CHECK(run(header('R', backend_login::authentication_size_max + 1)).now == progress::failed);
    CHECK(run(header('E', backend_login::error_size_max + 1)).now == progress::failed);
    CHECK(run(ok + header('N', backend_login::message_max)).now == progress::more);
    CHECK(run(ok + header('N', backend_login::message_max + 1)).now == progress::failed);
    CHECK(run("R\0\0\0\3"s).now == progress::failed);
}

TEST_CASE("a server cannot make us keep more than the bounds") {
    auto script = authentication(auth_code::ok);
    for (std::size_t i = 0; i <= backend_login::parameters_max; ++i)
        wire::append_parameter_status(script, "p" + std::to_string(i), "v");
    CHECK(run(script).now == progress::failed);

    script = authentication(auth_code::ok);
    wire::append_parameter_status(script, "p", std::string(backend_login::parameter_size_max, 'v'));
    CHECK(run(script).now == progress::failed);

    const auto dsn = upstream();
    backend_login login{dsn, {}, false};
    std::string out;
    const auto noise = frame('N', std::string(60000, '\0'));
    std::size_t fed = 0;
    while (login.feed(noise, out) == progress::more)
        fed += noise.size();
    CHECK(fed <= backend_login::received_max);
}
