#include "pgballast/config/startup_options.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::config;

namespace {

using settings = std::vector<std::pair<std::string, std::string>>;

settings parsed(std::string_view text) {
    return parse_startup_options(text).value();
}

std::string error_of(std::string_view text) {
    const auto result = parse_startup_options(text);
    return result ? "no error" : result.error().message;
}

}  // namespace

TEST_CASE("no options are no settings") {
    CHECK(parsed("").empty());
    CHECK(parsed(" \t\n").empty());
    CHECK(parsed("--").empty());
}

TEST_CASE("a setting is written in any of three ways") {
    CHECK(parsed("-c geqo=off") == settings{{"geqo", "off"}});
    CHECK(parsed("-cgeqo=off") == settings{{"geqo", "off"}});
    CHECK(parsed("--geqo=off") == settings{{"geqo", "off"}});
    CHECK(parsed("  -c   a=1\t--b=2 -cc=3 ") == settings{{"a", "1"}, {"b", "2"}, {"c", "3"}});
}

TEST_CASE("a dash in a name is an underscore") {
    CHECK(parsed("--work-mem=4-MB") == settings{{"work_mem", "4-MB"}});
    CHECK(parsed("-c work-mem=4MB") == settings{{"work_mem", "4MB"}});
}

TEST_CASE("a backslash keeps the next character") {
    CHECK(parsed("-c a=x\\ y") == settings{{"a", "x y"}});
    CHECK(parsed("-c a=x\\\\y") == settings{{"a", "x\\y"}});
    CHECK(parsed("\\-c a=1") == settings{{"a", "1"}});
    CHECK(parsed("-c a=x\\") == settings{{"a", "x"}});
    CHECK(parsed("-c a=") == settings{{"a", ""}});
    CHECK(parsed("-c a=b=c") == settings{{"a", "b=c"}});
    CHECK(parsed("-c a='x'") == settings{{"a", "'x'"}});
}

TEST_CASE("settings keep their order, the same name twice too") {
    CHECK(parsed("-c a=1 -c a=2") == settings{{"a", "1"}, {"a", "2"}});
}

TEST_CASE("what is no setting is an error") {
    CHECK(error_of("-c") == "options: -c requires a name=value");
    CHECK(error_of("-c geqo") == "-c geqo requires a value");
    CHECK(error_of("--geqo") == "--geqo requires a value");
    CHECK(error_of("-c =off") == "options: expected a name before '='");
    CHECK(error_of("--=off") == "options: expected a name before '='");
    CHECK(error_of("endpoint=ep-x") ==
          "options: found 'endpoint=ep-x', expected -c name=value or --name=value");
    for (const auto* text : {"-", "-e", "-S 1024", "a", "-- -c a=1", "-C a=1", "-ec a=1"}) {
        CAPTURE(text);
        CHECK(parse_startup_options(text).has_error());
    }
}

TEST_CASE("every beginning of options is settings or an error") {
    const std::string_view whole = "-c a=1 --b-c=x\\ y -cd=\\\\";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto result = parse_startup_options(whole.substr(0, size));
        if (result)
            CHECK(result->size() <= 3);
        else
            CHECK_FALSE(result.error().message.empty());
    }
}
