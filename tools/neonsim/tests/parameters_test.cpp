#include "../parameters.hpp"

using namespace neonsim;
using namespace std::chrono_literals;

TEST_CASE("a query and a JSON body say the same") {
    for (auto [query, body] : {std::pair{"gap=5&text=two&yes=true", ""},
                               std::pair{"", R"({"gap": 5, "text": "two", "yes": true})"},
                               std::pair{"gap=5", R"({"text": "two", "yes": "true"})"}}) {
        parameters given{query, body};
        CHECK(given.has("gap"));
        CHECK(given.ms("gap", 0ms) == 5ms);
        CHECK(given.text("text", "") == "two");
        CHECK(given.flag("yes", false));
        CHECK_NOTHROW(given.finish());
    }
}

TEST_CASE("what is not given is what the caller says") {
    parameters given{"", ""};
    CHECK(given.integer("n", 7, 10) == 7);
    CHECK(given.text("text", "default") == "default");
    CHECK_FALSE(given.flag("yes", false));
}

TEST_CASE("nobody asked for it: refused") {
    parameters given{"gap=5&gab=6", ""};
    given.ms("gap", 0ms);
    CHECK_THROWS_AS(given.finish(), bad_request);
}

TEST_CASE("malformed parameters are refused") {
    CHECK_THROWS_AS((parameters{"gap", ""}), bad_request);
    CHECK_THROWS_AS((parameters{"", "[]"}), bad_request);
    CHECK_THROWS_AS((parameters{"", "{"}), bad_request);
    for (const char* query : {"n=", "n=x", "n=-1", "n=11", "n=1.5", "n=99999999999999999999"}) {
        parameters given{query, ""};
        CHECK_THROWS_AS(given.integer("n", 0, 10), bad_request);
    }
    parameters given{"yes=1", ""};
    CHECK_THROWS_AS(given.flag("yes", false), bad_request);
}
