#include "pgballast/proxy/login/client_login.hpp"

#include <catch2/catch.hpp>

#include "pgballast/auth/md5.hpp"
#include "pgballast/wire/writer.hpp"

using namespace pgballast;
using namespace std::string_literals;
using proxy::client_login;

namespace {

const std::string certificate_hash(32, 'h');
const auto ssl_request = wire::encode_ssl_request();

client_login::options how(bool tls_available = false) {
    const auto find = [](const std::string& user, const std::string&) {
        static const auto verifier = auth::make_scram_verifier("secret", 16);
        return user == "alice" ? std::optional<client_login::secret>{verifier} : std::nullopt;
    };
    return {.find_secret = find, .mock_secret = "mock", .tls_available = tls_available};
}

using parameters = std::vector<std::pair<std::string, std::string>>;
std::string startup(const parameters& given, std::int32_t protocol = wire::protocol_3_0) {
    return wire::encode_startup({protocol, given});
}
const parameters alice{{"user", "alice"}, {"database", "app"}, {"application_name", "psql"}};

std::string gssenc_request() {
    std::string out;
    wire::message{out}.i32(wire::gssenc_request_code);
    return out;
}

/// Feeds in pieces of `step` bytes until something has happened.
client_login::event feed(client_login& login, wire::bytes in, std::string& out,
                         std::size_t step = std::string::npos) {
    client_login::event now = client_login::more{};
    while (!in.empty() && std::holds_alternative<client_login::more>(now)) {
        const auto part = in.substr(0, step);
        now = login.feed(part, out);
        in.remove_prefix(part.size());
    }
    return now;
}

/// The frames in `out`, each with its header.
std::vector<std::string> frames(wire::bytes out) {
    std::vector<std::string> result;
    while (!out.empty()) {
        const auto header = wire::decode_frame_header(out).value();
        REQUIRE(header);
        REQUIRE(out.size() >= header->frame_size());
        result.emplace_back(out.substr(0, header->frame_size()));
        out.remove_prefix(header->frame_size());
    }
    return result;
}

wire::authentication request_in(const std::string& message) {
    REQUIRE(message.front() == 'R');
    return wire::decode_authentication(wire::bytes{message}.substr(wire::header_size)).value();
}

wire::error_fields error_in(const std::string& message) {
    REQUIRE(message.front() == 'E');
    return wire::decode_error_fields(wire::bytes{message}.substr(wire::header_size));
}

struct conversation {
    client_login::event end = client_login::more{};
    std::string last;  // what the login said at last
    std::string challenge;
};

/// A client that has sent its startup packet goes on with SCRAM.
conversation authenticate(client_login& login, const std::string& offer, wire::bytes password,
                          wire::bytes binding = {}, std::size_t step = std::string::npos,
                          const std::string& behind = {}) {
    conversation said;
    const auto offered = request_in(offer);
    REQUIRE(offered.code == wire::auth_code::sasl);
    const auto mechanisms = wire::decode_sasl_mechanisms(offered.data).value();
    CHECK(mechanisms.back() == "SCRAM-SHA-256");
    CHECK(mechanisms.size() == (binding.empty() ? 1 : 2));

    auth::scram_client scram{password, binding};
    std::string in, out;
    wire::append_sasl_initial_response(in, scram.mechanism(), scram.first());
    said.end = feed(login, in, out, step);
    REQUIRE(std::holds_alternative<client_login::more>(said.end));
    said.challenge = request_in(out).data;

    in.clear();
    wire::append_sasl_response(in, scram.final(said.challenge).value());
    said.end = feed(login, in + behind, said.last, step);
    if (std::holds_alternative<client_login::authenticated>(said.end)) {
        const auto answers = frames(said.last);
        REQUIRE(answers.size() == 2);
        CHECK_FALSE(scram.verify(request_in(answers[0]).data));
        CHECK(request_in(answers[1]).code == wire::auth_code::ok);
    }
    return said;
}

conversation log_in(const parameters& given, wire::bytes password,
                    std::size_t step = std::string::npos) {
    client_login login{how()};
    std::string out;
    REQUIRE(std::holds_alternative<client_login::more>(feed(login, startup(given), out, step)));
    return authenticate(login, out, password, {}, step);
}

/// Expects `in` to be refused with a FATAL of `sqlstate`, whatever pieces it comes in.
std::string refusal(const std::string& in, wire::bytes sqlstate, const std::string& before = {}) {
    std::string message;
    for (const std::size_t step : {std::string::npos, std::size_t{1}}) {
        client_login login{how()};
        std::string out;
        if (!before.empty()) {
            REQUIRE(std::holds_alternative<client_login::more>(login.feed(before, out)));
            out.clear();
        }
        const auto end = feed(login, in, out, step);
        REQUIRE(std::holds_alternative<client_login::rejected>(end));
        const auto all = frames(out);
        const auto fields = error_in(all.back());
        CHECK(fields.severity == "FATAL");
        CHECK(fields.sqlstate == sqlstate);
        CHECK(std::get<client_login::rejected>(end).reason == fields.message);
        message = fields.message;
    }
    return message;
}

}  // namespace

TEST_CASE("a client logs in with SCRAM, in any pieces") {
    for (const std::size_t step : {std::string::npos, std::size_t{1}, std::size_t{5}}) {
        CAPTURE(step);
        const auto said = log_in(alice, "secret", step);
        const auto& who = std::get<client_login::authenticated>(said.end);
        CHECK(who.user == "alice");
        CHECK(who.database == "app");
        CHECK(who.parameters == parameters{{"application_name", "psql"}});
        CHECK(who.early.empty());
    }
}

TEST_CASE("every prefix of a startup packet is waited out") {
    const auto packet = startup(alice);
    for (std::size_t size = 0; size < packet.size(); ++size) {
        CAPTURE(size);
        client_login login{how()};
        std::string out;
        CHECK(std::holds_alternative<client_login::more>(login.feed(packet.substr(0, size), out)));
        CHECK(out.empty());
    }
}

TEST_CASE("a wrong password is refused in PostgreSQL's words") {
    const auto said = log_in(alice, "wrong");
    CHECK(std::get<client_login::rejected>(said.end).user == "alice");
    std::string expected;
    wire::append_error(expected, {.severity = "FATAL",
                                  .sqlstate = "28P01",
                                  .message = "password authentication failed for user \"alice\""});
    CHECK(said.last == expected);
}

TEST_CASE("an unknown user sees what a wrong password sees, with the same salt each time") {
    const auto salt_of = [](const conversation& said) {
        const auto at = said.challenge.find(",s=");
        return said.challenge.substr(at);
    };
    const auto first = log_in({{"user", "mallory"}}, "secret");
    const auto second = log_in({{"user", "mallory"}}, "other");
    CHECK(std::holds_alternative<client_login::rejected>(first.end));
    CHECK(salt_of(first) == salt_of(second));
    CHECK(error_in(first.last).message == "password authentication failed for user \"mallory\"");
}

TEST_CASE("the database is the user's where none is named") {
    client_login::options options;
    std::string asked;
    options.find_secret = [&](const std::string& user, const std::string& database) {
        asked = user + '/' + database;
        return std::nullopt;
    };
    for (const auto& given : {parameters{{"user", "bob"}}, {{"user", "bob"}, {"database", ""}}}) {
        client_login login{options};
        std::string out;
        (void)login.feed(startup(given), out);
        CHECK(asked == "bob/bob");
    }
}

TEST_CASE("a startup packet without user is refused") {
    CHECK(refusal(startup({{"database", "x"}}), "28000") ==
          "no PostgreSQL user name specified in startup packet");
    CHECK(refusal(startup({}), "28000") == "no PostgreSQL user name specified in startup packet");
}

TEST_CASE("replication connections are refused, replication=false is none") {
    for (const auto* value : {"true", "database", "1", "on", "yes"})
        CHECK_THAT(refusal(startup({{"user", "alice"}, {"replication", value}}), "0A000"),
                   Catch::Contains("replication"));
    const auto said = log_in({{"user", "alice"}, {"replication", "false"}}, "secret");
    CHECK(std::get<client_login::authenticated>(said.end).parameters.empty());
}

TEST_CASE("newer minor versions and protocol options are negotiated down to 3.0") {
    const auto negotiated = [](const parameters& given, std::int32_t protocol) {
        client_login login{how()};
        std::string out;
        REQUIRE(
            std::holds_alternative<client_login::more>(login.feed(startup(given, protocol), out)));
        const auto answers = frames(out);
        CHECK(request_in(answers.back()).code == wire::auth_code::sasl);
        return answers.size() == 2 ? answers.front() : ""s;
    };
    std::string expected;
    CHECK(negotiated(alice, wire::protocol_3_0).empty());
    wire::append_negotiate_protocol(expected, wire::protocol_3_0, {});
    CHECK(negotiated(alice, wire::protocol_3_0 + 2) == expected);
    CHECK(negotiated(alice, wire::protocol_3_0 + 9999) == expected);
    expected.clear();
    wire::append_negotiate_protocol(expected, wire::protocol_3_0, {"_pq_.x", "_pq_.y"});
    CHECK(negotiated({{"user", "alice"}, {"_pq_.x", "1"}, {"_pq_.y", ""}}, wire::protocol_3_0) ==
          expected);
}

TEST_CASE("other major versions are refused in PostgreSQL's words") {
    CHECK(refusal(startup({{"user", "alice"}}, 2 << 16), "0A000") ==
          "unsupported frontend protocol 2.0: server supports 3.0 to 3.0");
    CHECK(refusal(startup({{"user", "alice"}}, (4 << 16) + 7), "0A000") ==
          "unsupported frontend protocol 4.7: server supports 3.0 to 3.0");
}

TEST_CASE("what is no startup packet is refused") {
    CHECK_THAT(refusal("GET / HTTP/1.1\r\n\r\n", "08P01"), Catch::Contains("length"));
    CHECK_THAT(refusal("\0\0\0\7"s, "08P01"), Catch::Contains("length"));
    CHECK_THAT(refusal("\0\0\x27\x11"s, "08P01"), Catch::Contains("length"));
    CHECK_THAT(refusal("\xff\xff\xff\xff"s, "08P01"), Catch::Contains("length"));
    CHECK_THAT(refusal("\0\0\0\x0d\0\3\0\0user\0"s, "08P01"), Catch::Contains("layout"));
    CHECK_THAT(refusal(startup({{"user", "a"}, {"user", "b"}}), "08P01"), Catch::Contains("twice"));
}

TEST_CASE("SSLRequest and GSSENCRequest are declined, each once, in either order") {
    for (const auto& requests : {ssl_request + gssenc_request(), gssenc_request() + ssl_request}) {
        client_login login{how()};
        std::string out;
        REQUIRE(std::holds_alternative<client_login::more>(feed(login, requests, out, 3)));
        CHECK(out == "NN");
        out.clear();
        (void)login.feed(startup(alice), out);
        CHECK(std::holds_alternative<client_login::authenticated>(
            authenticate(login, out, "secret").end));
    }
    CHECK(refusal(ssl_request, "0A000", ssl_request) ==
          "unsupported frontend protocol 1234.5679: server supports 3.0 to 3.0");
    CHECK(refusal(gssenc_request(), "0A000", gssenc_request()) ==
          "unsupported frontend protocol 1234.5680: server supports 3.0 to 3.0");
}

TEST_CASE("TLS is started where it is available, and the login goes on inside") {
    client_login login{how(true)};
    std::string out;
    CHECK(std::holds_alternative<client_login::start_tls>(feed(login, ssl_request, out, 1)));
    CHECK(out == "S");
    login.tls_started({.server_certificate_hash = certificate_hash});
    out.clear();
    (void)login.feed(startup(alice), out);
    const auto said = authenticate(login, out, "secret", certificate_hash);
    CHECK(std::holds_alternative<client_login::authenticated>(said.end));
}

TEST_CASE("TLS from the first byte needs no request") {
    client_login login{how(true)};
    login.tls_started({});
    std::string out;
    (void)login.feed(startup(alice), out);
    CHECK(std::holds_alternative<client_login::authenticated>(
        authenticate(login, out, "secret").end));
}

TEST_CASE("bytes behind an SSLRequest that is granted are refused") {
    client_login login{how(true)};
    std::string out;
    const auto end = login.feed(ssl_request + startup(alice), out);
    REQUIRE(std::holds_alternative<client_login::rejected>(end));
    CHECK(error_in(out).message == "received unencrypted data after SSL request");
    CHECK(out.find('S') != 0);
}

TEST_CASE("inside TLS there is no second SSLRequest") {
    client_login login{how(true)};
    std::string out;
    (void)login.feed(ssl_request, out);
    login.tls_started({});
    CHECK(std::holds_alternative<client_login::rejected>(login.feed(ssl_request, out)));
}

TEST_CASE("where TLS is required a startup packet in the clear is refused") {
    auto options = how(true);
    options.tls_required = true;
    client_login clear{options};
    std::string out;
    REQUIRE(std::holds_alternative<client_login::rejected>(clear.feed(startup(alice), out)));
    CHECK(error_in(out).sqlstate == "28000");
    CHECK_THAT(std::string{error_in(out).message}, Catch::Contains("sslmode=require"));

    client_login encrypted{options};
    encrypted.tls_started({});
    out.clear();
    (void)encrypted.feed(startup(alice), out);
    CHECK(std::holds_alternative<client_login::authenticated>(
        authenticate(encrypted, out, "secret").end));
}

TEST_CASE("a certificate may have to bear the user's name") {
    auto options = how(true);
    options.name_in_certificate = true;
    for (const auto* name : {"", "bob", "Alice", "alice"}) {
        CAPTURE(name);
        client_login login{options};
        login.tls_started({.client_certificate_name = name});
        std::string out;
        const auto end = login.feed(startup(alice), out);
        CHECK(std::holds_alternative<client_login::more>(end) == (name == "alice"s));
        if (name != "alice"s)
            CHECK(error_in(out).sqlstate == "28000");
    }
}

TEST_CASE("a user of whom only an md5 hash is kept is asked for md5") {
    auto options = how();
    options.mock_md5 = true;
    options.find_secret = [](const std::string& user, const std::string&) {
        return user == "alice" ? std::optional<client_login::secret>{client_login::md5_secret{
                                     "md54a0a68b43b6cd5cf266fa02f196e2371"}}
                               : std::nullopt;
    };
    for (const auto* user : {"alice", "mallory"}) {
        CAPTURE(user);
        client_login login{options};
        std::string out;
        (void)login.feed(startup({{"user", user}}), out);
        const auto asked = request_in(out);
        CHECK(asked.code == wire::auth_code::md5);
        REQUIRE(asked.data.size() == 4);
        std::string in;
        wire::append_password(in, auth::md5_response("alice", "secret", asked.data).value());
        out.clear();
        const auto end = login.feed(in, out);
        CHECK(std::holds_alternative<client_login::authenticated>(end) == (user == "alice"s));
        if (user != "alice"s)
            CHECK(error_in(out).sqlstate == "28P01");
    }
    client_login login{options};
    std::string out;
    (void)login.feed(startup(alice), out);
    std::string in;
    wire::append_password(in, auth::md5_response("alice", "wrong", request_in(out).data).value());
    out.clear();
    CHECK(std::holds_alternative<client_login::rejected>(login.feed(in, out)));
    CHECK(error_in(out).message == "password authentication failed for user \"alice\"");
}

TEST_CASE("a cancel request is an event without an answer") {
    const auto packet = wire::encode_cancel_request({4711, "\1\2\3\4"});
    client_login login{how()};
    std::string out;
    const auto end = feed(login, packet, out, 1);
    const auto& request = std::get<client_login::cancel>(end).request;
    CHECK(request.pid == 4711);
    CHECK(request.key == "\1\2\3\4");
    CHECK(out.empty());

    client_login later{how()};
    CHECK(std::holds_alternative<client_login::cancel>(later.feed(ssl_request + packet, out)));
}

TEST_CASE("only password messages are taken for a password") {
    const auto first = startup(alice);
    CHECK(refusal("X\0\0\0\4"s, "08P01", first) ==
          "expected password response, got message type 88");
    CHECK_THAT(refusal("Q\0\0\0\x0dselect 1\0"s, "08P01", first), Catch::Contains("type 81"));
    CHECK(refusal("p\0\0\0\3"s, "08P01", first) == "invalid message length");
    CHECK(refusal("p\0\0\4\5"s, "08P01", first) == "invalid message length");
    CHECK_THAT(refusal("p\0\0\0\4"s, "08P01", first), Catch::Contains("malformed"));
    std::string cleartext;
    wire::append_password(cleartext, "secret");
    CHECK_THAT(refusal(cleartext, "08P01", first), Catch::Contains("malformed"));
}

TEST_CASE("a mechanism that was not offered is refused") {
    for (const auto* name : {"SCRAM-SHA-256-PLUS", "PLAIN", ""}) {
        std::string in;
        wire::append_sasl_initial_response(in, name, "n,,n=,r=abcdefgh");
        CHECK_THAT(refusal(in, "08P01", startup(alice)), Catch::Contains("SCRAM"));
    }
}

TEST_CASE("what comes behind the last message of a login is kept") {
    client_login login{how()};
    std::string out;
    (void)login.feed(startup(alice), out);
    const auto said = authenticate(login, out, "secret", {}, std::string::npos, "Q\0\0"s);
    CHECK(std::get<client_login::authenticated>(said.end).early == "Q\0\0"s);
}

TEST_CASE("the welcome is parameters, key and ReadyForQuery") {
    std::string out, expected;
    proxy::append_welcome(out, {{"TimeZone", "UTC"}}, 7, "\1\2\3\4");
    wire::append_parameter_status(expected, "TimeZone", "UTC");
    wire::append_backend_key(expected, 7, "\1\2\3\4");
    wire::append_ready_for_query(expected, wire::txn::idle);
    CHECK(out == expected);
}
