#include "pgballast/config/nearest.hpp"

#include <array>
#include <catch2/catch.hpp>

using namespace pgballast::config;
using namespace std::literals;

TEST_CASE("edits are insertions, deletions, substitutions and swaps") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("mode", "mode") == 0);
    CHECK(edit_distance("", "mode") == 4);
    CHECK(edit_distance("mode", "") == 4);
    CHECK(edit_distance("mode", "modes") == 1);
    CHECK(edit_distance("mode", "moe") == 1);
    CHECK(edit_distance("mode", "made") == 1);
    CHECK(edit_distance("mode", "mdoe") == 1);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest name is named only where one is near") {
    constexpr auto known = std::to_array({"mode"sv, "min"sv, "max"sv, "max_idle"sv});
    CHECK(nearest("mod", known) == "mode");
    CHECK(nearest("MODE", known) == "mode");
    CHECK(nearest("max-idle", known) == "max_idle");
    CHECK(nearest("mix", known) == "min");
    CHECK(nearest("breaker", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest(std::string(65, 'm'), known).empty());
    CHECK(nearest("mode", {}).empty());

    CHECK(did_you_mean("mdoe", known) == " (did you mean 'mode'?)");
    CHECK(did_you_mean("breaker", known).empty());
    CHECK(expected_one_of(known, "breaker") == "expected one of mode, min, max, max_idle");
}
