#include "pgballast/pool/classify.hpp"

#include <algorithm>
#include <boost/system/errc.hpp>
#include <catch2/catch.hpp>
#include <string>

using namespace pgballast::pool;
namespace errc = boost::system::errc;

namespace {

constexpr bool neon = true;
constexpr bool plain = false;

// What Boost.Asio and OpenSSL say: codes of categories that this layer cannot see.
class other_category final : public boost::system::error_category {
 public:
    explicit other_category(std::string text) : text_(std::move(text)) {}
    const char* name() const noexcept override { return "other"; }
    std::string message(int) const override { return text_; }

 private:
    std::string text_;
};

}  // namespace

TEST_CASE("what Neon will not answer differently is permanent, by its text") {
    const char* texts[] = {
        "password authentication failed for user 'app'",
        "password authentication failed for user \"app\"",
        "database \"nosuch\" does not exist",
        "role \"nosuch\" does not exist",
        "Endpoint ID is not specified. Either please upgrade the postgres client library",
        "Inconsistent project name inferred from SNI ('a') and project option ('b').",
        "Project name ('a_b') must contain only alphanumeric characters and hyphen.",
        "Parameter 'user' is missing in startup packet.",
        "connection is insecure (try using `sslmode=require`)",
        "This IP address 192.0.2.1 is not allowed to connect to this endpoint.",
        "connection attempts from a blocked network",
        "This endpoint is accessible only from its VPC endpoint",
        "SCRAM-PLUS not used, but it was offered",
        "secure channel data mismatch",
        "unsupported channel binding method",
        "authentication protocol violation",
        "Malformed password message: missing terminator",
        "Control plane request failed: endpoint cannot be found",
        "The requested endpoint could not be found, or you don't have access to it.",
        "Control plane request failed: endpoint is disabled",
        "Your account or project has exceeded the compute time quota. Upgrade your plan.",
        "Your project has exceeded the data transfer quota. Upgrade your plan.",
        "written data quota exceeded",
        "You've exceeded the limit of concurrently active endpoints",
        "unsupported startup parameter: search_path",
    };
    for (const std::string text : texts) {
        CAPTURE(text);
        const auto found = classify(neon, "XX000", text);
        CHECK(found.kind == failure_kind::permanent);
        CHECK(found.message == text);

        std::string shouted = text;
        std::transform(shouted.begin(), shouted.end(), shouted.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        CHECK(classify(neon, "XX000", shouted).kind == failure_kind::permanent);
        CHECK(classify(neon, "", "ERROR: " + text).kind == failure_kind::permanent);
    }
}

TEST_CASE("what may pass is waited out at Neon") {
    const char* texts[] = {
        "Couldn't connect to compute node",
        "error communicating with the server",
        "connection closed",
        "Internal error",
        "Authentication timed out",
        "Too many connections attempts",
        "Too many connections to this endpoint. Please try again later.",
        "Failed to acquire permit to connect to the database. Too many database connection "
        "attempts",
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is in recovery mode",
        "sorry, too many clients already",
        "remaining connection slots are reserved for non-replication superuser connections",
        "no more connections allowed (max_client_conn)",
        "something nobody has ever seen",
        "",
    };
    for (const std::string text : texts) {
        CAPTURE(text);
        const auto found = classify(neon, "XX000", text);
        CHECK(found.kind == failure_kind::transient);
        CHECK(found.sqlstate == "XX000");
        CHECK(found.hint.empty());
    }
}

TEST_CASE("what may be a quota or a moment's trouble is waited out, with a hint where to look") {
    for (const std::string text : {"Control plane request failed",
                                   "Control plane request failed: endpoint is temporarily "
                                   "unavailable. Check your quotas and/or contact our support."}) {
        const auto found = classify(neon, "XX000", text);
        CHECK(found.kind == failure_kind::transient);
        CHECK(found.hint.find("quotas") != std::string::npos);
    }
}

TEST_CASE("a permanent answer of Neon gets PostgreSQL's own SQLSTATE where that is known") {
    CHECK(classify(neon, "XX000", "password authentication failed for user 'a'").sqlstate ==
          "28P01");
    CHECK(classify(neon, "XX000", "database \"a b\" does not exist").sqlstate == "3D000");
    CHECK(classify(neon, "XX000", "role \"a\" does not exist").sqlstate == "28000");
    CHECK(classify(neon, "XX000", "Endpoint ID is not specified").sqlstate == "XX000");
}

TEST_CASE("parts of a text count only in their order") {
    CHECK(classify(neon, "XX000", "is not allowed here: this IP address").kind ==
          failure_kind::transient);
}

TEST_CASE("an ordinary PostgreSQL is understood by its SQLSTATE") {
    for (const auto code : {"28000", "28P01", "3D000", "0A000", "42501", "42704", "22023"}) {
        CAPTURE(code);
        CHECK(classify(plain, code, "text").kind == failure_kind::permanent);
        CHECK(classify(plain, code, "text").sqlstate == code);
        CHECK(classify(neon, code, "text").kind == failure_kind::permanent);
    }
    for (const auto code : {"53300", "08006", "08P01", "XX000", "53200", "3D", "0", ""}) {
        CAPTURE(code);
        CHECK(classify(plain, code, "text").kind == failure_kind::transient);
    }
    for (const auto code : {"57P01", "57P02", "57P03"}) {
        CAPTURE(code);
        CHECK(classify(plain, code, "text").kind == failure_kind::restarting);
        CHECK(classify(neon, code, "text").kind == failure_kind::transient);
    }
}

TEST_CASE("the text of an ordinary PostgreSQL decides nothing") {
    CHECK(classify(plain, "XX000", "endpoint is disabled").kind == failure_kind::transient);
}

TEST_CASE("an error without SQLSTATE is given one") {
    CHECK(classify(plain, "", "no idea").sqlstate == "XX000");
}

TEST_CASE("where nobody listens an ordinary PostgreSQL is restarting, and Neon is not") {
    for (const auto code : {errc::connection_refused, errc::no_such_file_or_directory}) {
        const auto why = make_error_code(code);
        CHECK(classify(plain, step::connect, why).kind == failure_kind::restarting);
        CHECK(classify(neon, step::connect, why).kind == failure_kind::transient);
        CHECK(classify(plain, step::tls, why).kind == failure_kind::transient);
    }
    const boost::system::error_code system(ECONNREFUSED, boost::system::system_category());
    CHECK(classify(plain, step::connect, system).kind == failure_kind::restarting);
}

TEST_CASE("resets, timeouts, ends and names that do not resolve are transient") {
    const other_category end("End of file");
    const other_category dns("Host not found (authoritative)");
    const other_category handshake("wrong version number (SSL routines)");
    for (const bool kind : {neon, plain}) {
        for (const auto at : {step::connect, step::tls, step::login}) {
            for (const auto code :
                 {errc::connection_reset, errc::timed_out, errc::host_unreachable})
                CHECK(classify(kind, at, make_error_code(code)).kind == failure_kind::transient);
            CHECK(classify(kind, at, {2, end}).kind == failure_kind::transient);
        }
        CHECK(classify(kind, step::resolve, {1, dns}).kind == failure_kind::transient);
        CHECK(classify(kind, step::tls, {1, handshake}).kind == failure_kind::transient);
    }
}

TEST_CASE("what failed is said in plain words, under a SQLSTATE of class 08") {
    const other_category dns("Host not found (authoritative)");
    const auto found = classify(plain, step::resolve, {1, dns});
    CHECK(found.message == "could not resolve the server's name: Host not found (authoritative)");
    CHECK(found.sqlstate == "08006");
    CHECK(classify(plain, step::connect, make_error_code(errc::timed_out), "timed out after 15 s")
              .message == "could not reach the server: timed out after 15 s");
}

TEST_CASE("a certificate that does not verify is permanent and explained") {
    const other_category openssl("certificate verify failed (SSL routines)");
    for (const bool kind : {neon, plain}) {
        const auto found = classify(kind, step::tls, {1, openssl});
        CHECK(found.kind == failure_kind::permanent);
        CHECK(found.message ==
              "TLS with the server failed: certificate verify failed (SSL routines)");
        CHECK(found.hint.find("sslrootcert") != std::string::npos);
    }
    const other_category alert("tlsv13 alert certificate required (SSL routines)");
    CHECK(classify(plain, step::tls, {1, alert}).kind == failure_kind::permanent);
    CHECK(classify(plain, step::tls, make_error_code(errc::protocol_error),
                   "Certificate verify failed: hostname mismatch")
              .kind == failure_kind::permanent);
}
