#include "pgballast/session/reported.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "messages.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

TEST_CASE("the last report of a name counts, and names are sorted") {
    const reported set{{{"b", "1"}, {"a", "2"}, {"b", "3"}, {"a", "4"}, {"c", "5"}}};
    CHECK(set.values() == reported::value_list{{"a", "4"}, {"b", "3"}, {"c", "5"}});
    CHECK(*set.find("b") == "3");
    CHECK_FALSE(set.find("B"));
    CHECK_FALSE(set.find(""));
    CHECK_FALSE(reported{}.find("a"));
}

TEST_CASE("a set that nothing changes is shared") {
    const auto base = std::make_shared<const reported>(reported::value_list{{"a", "1"}});
    CHECK(with_value(base, "a", "1") == base);
    const auto changed = with_value(base, "a", "2");
    CHECK(*changed->find("a") == "2");
    CHECK(*base->find("a") == "1");
    CHECK(*with_value(base, "b", "x")->find("b") == "x");
}

TEST_CASE("a server that reports without end is bounded") {
    auto set = std::make_shared<const reported>();
    for (int name = 0; name < 1000; ++name)
        set = with_value(set, std::to_string(name), "x");
    CHECK(set->values().size() == reported::max);
    CHECK(*with_value(set, "0", "y")->find("0") == "y");

    reported::value_list many;
    for (int name = 0; name < 1000; ++name)
        many.emplace_back(std::to_string(name), "x");
    CHECK(reported{many}.values().size() == reported::max);
}

TEST_CASE("names are known without regard to case, and only some may be set") {
    CHECK(reported_name("timezone") == "TimeZone");
    CHECK(reported_name("DATESTYLE") == "DateStyle");
    CHECK(reported_name("work_mem").empty());
    CHECK(is_settable("TimeZone"));
    CHECK(is_settable("application_name"));
    CHECK_FALSE(is_settable("server_version"));
    CHECK_FALSE(is_settable("session_authorization"));
    CHECK_FALSE(is_settable("is_superuser"));
    CHECK_FALSE(is_settable("work_mem"));
}

TEST_CASE("only what differs is told") {
    const reported before{{{"a", "1"}, {"b", "2"}, {"gone", "x"}}};
    const reported now{{{"a", "1"}, {"b", "3"}, {"new", "y"}}};
    std::string out;
    append_changes(out, before, now);
    CHECK(out == status("b", "3") + status("new", "y"));
    out.clear();
    append_changes(out, now, now);
    CHECK(out.empty());
}
