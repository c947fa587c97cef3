#include "gate.hpp"

#include <catch2/catch.hpp>

using namespace signup_demo;
namespace http = boost::beast::http;

namespace {

request post(const char* host, const char* name = nullptr, const char* value = nullptr) {
    request made{http::verb::post, "/auth/signup", 11};
    made.set(http::field::host, host);
    if (name != nullptr)
        made.set(name, value);
    return made;
}

}  // namespace

TEST_CASE("one's own page and programs that are no browser may change something") {
    CHECK_FALSE(check_origin(post("127.0.0.1:8000")));
    CHECK_FALSE(check_origin(post("localhost:8000", "Origin", "http://localhost:8000")));
    CHECK_FALSE(check_origin(post("localhost:8000", "Sec-Fetch-Site", "same-origin")));
}

TEST_CASE("another site may not") {
    for (const auto* origin :
         {"https://evil.example", "http://localhost:8001", "https://localhost:8000", "null", ""}) {
        CAPTURE(origin);
        const auto denied = check_origin(post("localhost:8000", "Origin", origin));
        REQUIRE(denied);
        CHECK(denied->status == http::status::forbidden);
    }
    CHECK(check_origin(post("localhost:8000", "Sec-Fetch-Site", "cross-site")));
    CHECK(check_origin(post("localhost:8000", "Sec-Fetch-Site", "same-site")));
}

TEST_CASE("a name that was made to resolve to this machine is refused, for reading too") {
    auto asked = post("evil.example:8000");
    for (const auto method : {http::verb::get, http::verb::post}) {
        asked.method(method);
        const auto denied = check_origin(asked);
        REQUIRE(denied);
        CHECK(denied->status == http::status::misdirected_request);
    }
}

TEST_CASE("JSON is what says that it is") {
    for (const auto* type :
         {"application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"})
        CHECK(is_json(post("localhost", "Content-Type", type)));
    for (const auto* type : {"", "text/plain", "application/x-www-form-urlencoded",
                             "application/json5", "text/plain; application/json"})
        CHECK_FALSE(is_json(post("localhost", "Content-Type", type)));
    CHECK_FALSE(is_json(post("localhost")));
}
