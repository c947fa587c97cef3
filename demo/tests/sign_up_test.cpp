#include "sign_up.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

using namespace signup_demo;
namespace json = boost::json;
using boost::beast::http::status;

TEST_CASE("who has signed up is answered with user and session") {
    const rows found{{"3a89e8ae-5452-4f9a-8051-8b6d230c6b19", "testuser@example.com",
                      "2025-12-21T19:58:41.194565", "2025-12-21T19:58:41.194565",
                      "0f220131-e096-4a16-96cb-20498634e6c1",
                      "3a89e8ae-5452-4f9a-8051-8b6d230c6b19", "2025-12-22T19:58:43.633793"}};
    const auto answer = answer_of(found, "mxBJb4dRRpiIKv7ZAb47sN2vW8KR9unhMTSOX4s1Gzg");
    CHECK(answer.status == status::created);
    CHECK(answer.body == json::parse(R"({
        "user": {
            "id": "3a89e8ae-5452-4f9a-8051-8b6d230c6b19",
            "email": "testuser@example.com",
            "emailVerified": null,
            "createdAt": "2025-12-21T19:58:41.194565",
            "updatedAt": "2025-12-21T19:58:41.194565"
        },
        "session": {
            "id": "0f220131-e096-4a16-96cb-20498634e6c1",
            "userId": "3a89e8ae-5452-4f9a-8051-8b6d230c6b19",
            "expires": "2025-12-22T19:58:43.633793",
            "sessionToken": "mxBJb4dRRpiIKv7ZAb47sN2vW8KR9unhMTSOX4s1Gzg"
        }
    })"));
}

TEST_CASE("no row means that the address is taken") {
    const auto answer = answer_of(rows{}, "token");
    CHECK(answer.status == status::conflict);
    CHECK(answer.body.at("error").at("fields").at("email") == "is already registered");
}

TEST_CASE("an error is told in the driver's words") {
    const auto answer = answer_of(database_error{"connection already closed", ""}, "token");
    CHECK(answer.status == status::service_unavailable);
    CHECK(answer.body == json::parse(R"({"error":
        {"code": "database", "message": "connection already closed"}})"));

    const auto with_code = answer_of(database_error{"ERROR:  unknown", "08007"}, "token");
    CHECK(with_code.body.at("error").at("sqlstate") == "08007");
}

TEST_CASE("each field that is wrong is told") {
    const auto answer = refused({{"email", "is missing"}, {"password", "is missing"}});
    CHECK(answer.status == status::unprocessable_entity);
    CHECK(json::serialize(answer.body.at("error").at("fields")) ==
          R"({"email":"is missing","password":"is missing"})");
}
