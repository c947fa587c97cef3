#include "pgballast/wire/error.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace pgballast;

TEST_CASE("every error of the protocol has a text of its own") {
    std::set<std::string> texts;
    constexpr auto last = static_cast<int>(wire::errc::name_too_long);
    for (int value = 1; value <= last; ++value)
        texts.insert(make_error_code(static_cast<wire::errc>(value)).message());
    CHECK(texts.size() == last);
    CHECK_FALSE(texts.contains(wire::error_category().message(last + 1)));
}
