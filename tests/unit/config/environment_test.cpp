#include "pgballast/config/environment.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace pgballast::config;

namespace {

const environment env = [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables{{"NAME", "value"},
                                                              {"EMPTY", ""},
                                                              {"NESTED", "${NAME}"},
                                                              {"LARGE", std::string(60000, 'x')}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
};

std::string expanded(std::string_view text) {
    return expand(text, env).value();
}

std::string error_of(std::string_view text) {
    return expand(text, env).error().message;
}

}  // namespace

TEST_CASE("variables are put in where they are named") {
    CHECK(expanded("") == "");
    CHECK(expanded("plain") == "plain");
    CHECK(expanded("${NAME}") == "value");
    CHECK(expanded("a${NAME}b${NAME}c") == "avaluebvaluec");
    CHECK(expanded("${EMPTY}") == "");
}

TEST_CASE("a default stands in for a variable that is unset or empty") {
    CHECK(expanded("${MISSING:-x}") == "x");
    CHECK(expanded("${MISSING:-}") == "");
    CHECK(expanded("${EMPTY:-x}") == "x");
    CHECK(expanded("${NAME:-x}") == "value");
    CHECK(expanded("${MISSING:-postgres://h:1/d?a=b:-c}") == "postgres://h:1/d?a=b:-c");
}

TEST_CASE("a dollar sign elsewhere is itself") {
    CHECK(expanded("$NAME $ $$ $(x) SCRAM-SHA-256$4096:a$b:c") ==
          "$NAME $ $$ $(x) SCRAM-SHA-256$4096:a$b:c");
    CHECK(expanded("$${NAME}") == "${NAME}");
    CHECK(expanded("100$") == "100$");
}

TEST_CASE("what was put in is not looked at again") {
    CHECK(expanded("${NESTED}") == "${NAME}");
}

TEST_CASE("a variable that cannot be put in is an error") {
    CHECK(error_of("${MISSING}") ==
          "the environment has no MISSING (a default is written ${MISSING:-default})");
    CHECK(error_of("${NAME") == "expected a '}' to end ${");
    CHECK(error_of("${}") ==
          "found '${}', expected the name of a variable: ${NAME} or ${NAME:-default}");
    CHECK(error_of("${a-b}").starts_with("found '${a-b}', expected the name"));
    CHECK(error_of("${LARGE}${LARGE}") == "larger than 64 KiB");
}

TEST_CASE("the process's own environment is one") {
    CHECK(process_environment()("PATH").has_value());
    CHECK_FALSE(process_environment()("PGBALLAST_NO_SUCH_VARIABLE").has_value());
}
