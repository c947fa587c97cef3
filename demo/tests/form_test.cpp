#include "form.hpp"

#include <catch2/catch.hpp>

using namespace signup_demo;

namespace {

std::string body_with(const std::string& email, const std::string& password) {
    return R"({"email":")" + email + R"(","password":")" + password + R"("})";
}

field_errors errors_of(std::string_view body) {
    const auto read = read_form(body);
    REQUIRE(std::holds_alternative<field_errors>(read));
    return std::get<field_errors>(read);
}

}  // namespace

TEST_CASE("address and password are read, whatever else is there") {
    const auto read =
        read_form(R"({"name":"Ada","email":"testuser@example.com","password":"TestPass123"})");
    REQUIRE(std::holds_alternative<form>(read));
    CHECK(std::get<form>(read).email == "testuser@example.com");
    CHECK(std::get<form>(read).password == "TestPass123");
}

TEST_CASE("what is no JSON object is told apart from a field that is wrong") {
    for (const auto* body : {"", "{", "email=a@b.example", "[]", "null", "\"a\"", "{} {}"}) {
        CAPTURE(body);
        CHECK(std::holds_alternative<no_object>(read_form(body)));
    }
}

TEST_CASE("every field that is wrong is named") {
    CHECK(errors_of("{}") == field_errors{{"email", "is missing"}, {"password", "is missing"}});
    CHECK(errors_of(R"({"email":1,"password":null})") ==
          field_errors{{"email", "must be a text"}, {"password", "must be a text"}});
    CHECK(errors_of(body_with("nobody", "short")) ==
          field_errors{{"email", "is no e-mail address"},
                       {"password", "must have at least 8 characters"}});
    CHECK(errors_of(body_with("a@b.example", std::string(257, 'x'))).contains("password"));
}

TEST_CASE("a password may hold anything, a NUL too") {
    const auto read = read_form(body_with("a@b.example", R"(pass\u0000word)"));
    REQUIRE(std::holds_alternative<form>(read));
    CHECK(std::get<form>(read).password.size() == 9);
}

TEST_CASE("addresses are those that browsers take") {
    for (const auto* text : {"a@b.c", "first.last+tag@example.com", "o'neill@mail.example.org",
                             "UPPER@EXAMPLE.COM", "x@xn--bcher-kva.example"}) {
        CAPTURE(text);
        CHECK(is_email(text));
    }
    for (const auto& text : {std::string{""},
                             std::string{"@"},
                             std::string{"a"},
                             std::string{"a@"},
                             std::string{"@b.c"},
                             std::string{"a@b"},
                             std::string{"a@b."},
                             std::string{"a@.c"},
                             std::string{"a@b..c"},
                             std::string{"a@-b.c"},
                             std::string{"a@b-.c"},
                             std::string{"a b@c.d"},
                             std::string{"a@b.c "},
                             std::string{"a@b@c.d"},
                             std::string{"a@b.c\n"},
                             std::string{"a@b.c\0", 6},
                             std::string{"\xc3\xa4@b.c"},
                             std::string(65, 'a') + "@b.c",
                             "a@" + std::string(64, 'b') + ".c",
                             "a@" + std::string(300, '.') + "c"}) {
        CAPTURE(text);
        CHECK_FALSE(is_email(text));
    }
}

TEST_CASE("JSON nested deeply is refused, not recursed into") {
    CHECK(std::holds_alternative<no_object>(read_form(std::string(10'000, '['))));
}
