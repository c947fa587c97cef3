#include "pgballast/admin/answer.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "statuses.hpp"

using namespace pgballast::admin;
namespace http = boost::beast::http;
using http::field;
using pgballast::proxy::health;

namespace {

request ask(http::verb method, const std::string& target, unsigned version = 11) {
    request made{method, target, version};
    made.set(field::host, "127.0.0.1:9632");
    return made;
}

request get(const std::string& target) {
    return ask(http::verb::get, target);
}

status now() {
    return status_with({busy_pool()});
}

response answer_to(const request& asked, const look& at = now) {
    return answer(asked, "127.0.0.1", at);
}

const std::string paths[] = {"/health/live", "/health/ready", "/health/database", "/metrics",
                             "/api/v1/stats"};

}  // namespace

TEST_CASE("whoever is alive says so without looking at anything") {
    const auto never = []() -> status { throw std::logic_error{"looked"}; };
    const auto said = answer_to(get("/health/live"), never);
    CHECK(said.result() == http::status::ok);
    CHECK(said.body() == "alive\n");
}

TEST_CASE("ready is who lets clients in") {
    CHECK(answer_to(get("/health/ready")).result() == http::status::ok);
    const auto draining = [] {
        auto made = now();
        made.ready = false;
        return made;
    };
    const auto said = answer_to(get("/health/ready"), draining);
    CHECK(said.result() == http::status::service_unavailable);
    CHECK(said.body() == "not ready\n");
}

TEST_CASE("of the states of a database only down is 503") {
    for (const auto state :
         {health::unknown, health::up, health::asleep, health::waking, health::down}) {
        CAPTURE(pgballast::proxy::to_string(state));
        const auto said =
            answer_to(get("/health/database"), [&] { return status_with({pool_in(state)}); });
        CHECK(said.result() ==
              (state == health::down ? http::status::service_unavailable : http::status::ok));
        CHECK(said[field::content_type] == "application/json");
        const auto read = boost::json::parse(said.body());
        CHECK(read.at("databases").at(0).at("state") == pgballast::proxy::to_string(state));
    }
}

TEST_CASE("metrics are text of the version Prometheus asks for") {
    const auto said = answer_to(get("/metrics"));
    CHECK(said.result() == http::status::ok);
    CHECK(said[field::content_type] == "text/plain; version=0.0.4; charset=utf-8");
    CHECK_THAT(said.body(), Catch::Contains("\npgballast_backends_open{database=\"app\"} 9\n"));
}

TEST_CASE("statistics are JSON") {
    const auto said = answer_to(get("/api/v1/stats"));
    CHECK(said.result() == http::status::ok);
    CHECK(said[field::content_type] == "application/json");
    CHECK(boost::json::parse(said.body()).at("version") == "1.2.3");
}

TEST_CASE("a query behind the path changes nothing") {
    CHECK(answer_to(get("/metrics?a=b?c")).body() == answer_to(get("/metrics")).body());
}

TEST_CASE("other paths are not found, in plain text") {
    for (const auto* path : {"/", "*", "", "/metrics/", "/Metrics", "/health", "//metrics",
                             "/health/../metrics", "http://localhost/metrics", "?/metrics"}) {
        CAPTURE(path);
        const auto said = answer_to(get(path));
        CHECK(said.result() == http::status::not_found);
        CHECK(said[field::content_type] == "text/plain; charset=utf-8");
        CHECK(said.body() == "Not Found\n");
    }
}

TEST_CASE("other methods are not allowed, and which are is said") {
    using http::verb;
    for (const auto& path : paths)
        for (const auto method : {verb::post, verb::put, verb::delete_, verb::options,
                                  verb::connect, verb::trace, verb::unknown}) {
            const auto said = answer_to(ask(method, path));
            CHECK(said.result() == http::status::method_not_allowed);
            CHECK(said[field::allow] == "GET, HEAD");
            CHECK(said.body() == "Method Not Allowed\n");
        }
    CHECK(answer_to(ask(verb::post, "/nowhere")).result() == http::status::not_found);
}

TEST_CASE("HEAD is answered as GET is, without the body") {
    for (auto path : {paths[0], paths[1], paths[2], paths[3], paths[4], std::string{"/nowhere"}}) {
        CAPTURE(path);
        const auto whole = answer_to(get(path));
        const auto head = answer_to(ask(http::verb::head, path));
        CHECK(head.result() == whole.result());
        CHECK(head.body().empty());
        CHECK(head[field::content_length] == std::to_string(whole.body().size()));
        CHECK(head[field::content_type] == whole[field::content_type]);
    }
}

TEST_CASE("who asks for another machine is misdirected, whatever the path") {
    for (const auto* path : {"/health/live", "/metrics", "/nowhere"}) {
        auto asked = get(path);
        asked.set(field::host, "evil.example:9632");
        const auto said = answer_to(asked);
        CHECK(said.result() == http::status::misdirected_request);
        CHECK(said.body() == "Misdirected Request\n");
    }
}

TEST_CASE("the name listened on is no other machine's") {
    auto asked = get("/health/live");
    asked.set(field::host, "admin.internal");
    CHECK(answer(asked, "admin.internal", now).result() == http::status::ok);
    CHECK(answer(asked, "127.0.0.1", now).result() == http::status::misdirected_request);
}

TEST_CASE("HTTP/1.1 names exactly one host, HTTP/1.0 need not") {
    auto asked = get("/health/live");
    asked.insert(field::host, "localhost");
    CHECK(answer_to(asked).result() == http::status::bad_request);
    asked.erase(field::host);
    CHECK(answer_to(asked).result() == http::status::bad_request);
    asked.version(10);
    CHECK(answer_to(asked).result() == http::status::ok);
    asked.set(field::host, "evil.example");
    CHECK(answer_to(asked).result() == http::status::misdirected_request);
}

TEST_CASE("a connection is kept as the peer wants it") {
    auto asked = get("/health/live");
    CHECK(answer_to(asked).keep_alive());
    asked.set(field::connection, "close");
    CHECK_FALSE(answer_to(asked).keep_alive());

    auto old = ask(http::verb::get, "/health/live", 10);
    CHECK_FALSE(answer_to(old).keep_alive());
    old.set(field::connection, "keep-alive");
    CHECK(answer_to(old).keep_alive());
}

TEST_CASE("no answer is kept by caches or taken for something else") {
    for (const auto& path : paths) {
        const auto said = answer_to(get(path));
        CHECK(said[field::cache_control] == "no-store");
        CHECK(said["X-Content-Type-Options"] == "nosniff");
    }
}

TEST_CASE("a refusal says why and ends the connection") {
    const auto said = refusal(http::status::request_header_fields_too_large);
    CHECK(said.result_int() == 431);
    CHECK(said.body() == "Request Header Fields Too Large\n");
    CHECK_FALSE(said.keep_alive());
}
