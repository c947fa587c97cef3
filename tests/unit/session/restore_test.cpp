#include "pgballast/session/restore.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace pgballast::session;

namespace {

startup_settings_ptr settings(startup_settings values) {
    return std::make_shared<const startup_settings>(std::move(values));
}

restoration plan(const reported::value_list& has, const reported::value_list& wants) {
    return plan_restoration(reported{has}, reported{wants}, {}, false, {});
}

restoration startup_plan(const startup_settings_ptr& applied, const startup_settings_ptr& wanted,
                         bool changed = false) {
    const reported same;
    return plan_restoration(same, same, applied, changed, wanted);
}

}  // namespace

TEST_CASE("nothing is said to a backend that is as the client wants it") {
    CHECK(plan({{"TimeZone", "UTC"}}, {{"TimeZone", "UTC"}}).text.empty());
    CHECK(plan({}, {}).text.empty());
    const auto some = settings({{"work_mem", "1MB"}});
    CHECK(startup_plan(some, some).text.empty());
    CHECK(startup_plan(nullptr, settings({})).text.empty());
    CHECK(startup_plan(nullptr, nullptr, true).text.empty());
}

TEST_CASE("reported parameters are set where clients may set them") {
    const auto one = plan({{"TimeZone", "UTC"}, {"server_version", "15"}},
                          {{"TimeZone", "Europe/Berlin"}, {"server_version", "14"}});
    CHECK(one.text == "set TimeZone='Europe/Berlin';");
    CHECK(one.may_fail);
    CHECK_FALSE(one.always_wait);

    // What this server does not report it may not even know.
    CHECK(plan({}, {{"scram_iterations", "1"}}).text.empty());
}

TEST_CASE("an application_name cannot fail") {
    const auto one = plan({{"application_name", ""}}, {{"application_name", "o'ne\\two"}});
    CHECK(one.text == "set application_name=E'o''ne\\\\two';");
    CHECK_FALSE(one.may_fail);
}

TEST_CASE("a list is set as the startup packet would") {
    const auto one = plan({{"search_path", "public"}}, {{"search_path", "\"a b\", c"}});
    CHECK(one.text == "select pg_catalog.set_config('search_path', '\"a b\", c', false);");
    CHECK(one.may_fail);
}

TEST_CASE("startup settings of the client before are taken back") {
    const auto one =
        startup_plan(settings({{"work_mem", "1MB"}, {"a.b", "x"}, {"search_path", "app"}}),
                     settings({{"work_mem", "2MB"}, {"a.b", "x"}}));
    CHECK(one.text ==
          "reset \"search_path\";select pg_catalog.set_config('work_mem', '2MB', false);"
          "select pg_catalog.set_config('a.b', 'x', false);");
    CHECK(one.may_fail);
    CHECK(startup_plan(settings({{"a.b", "x"}}), nullptr).text == "reset \"a\".\"b\";");
}

TEST_CASE("the same settings of another client are set again") {
    const auto same = settings({{"work_mem", "1MB"}});
    CHECK(startup_plan(settings({{"work_mem", "1MB"}}), same).text ==
          "select pg_catalog.set_config('work_mem', '1MB', false);");
}

TEST_CASE("startup settings that a command may have changed are set again") {
    const auto some = settings({{"work_mem", "1MB"}});
    CHECK(startup_plan(some, some, true).text ==
          "select pg_catalog.set_config('work_mem', '1MB', false);");
    CHECK(startup_plan(some, nullptr, true).text == "reset \"work_mem\";");
}

TEST_CASE("a role may be refused tomorrow, so its answer is always waited for") {
    for (const auto* name : {"role", "ROLE", "session_authorization"}) {
        CHECK(startup_plan(nullptr, settings({{name, "app"}})).always_wait);
        CHECK(startup_plan(settings({{name, "app"}}), nullptr).always_wait);
    }
    CHECK_FALSE(startup_plan(nullptr, settings({{"work_mem", "1MB"}})).always_wait);
}

TEST_CASE("a client's own settings are named, without their values") {
    const reported fresh{{{"DateStyle", "ISO"}, {"TimeZone", "UTC"}, {"server_version", "15"}}};
    const reported own{{{"DateStyle", "ISO"}, {"TimeZone", "CET"}, {"server_version", "14"}}};
    CHECK(names_of_own_settings(fresh, fresh, nullptr).empty());
    CHECK(names_of_own_settings(fresh, own, settings({{"a.b", "x"}})) == "TimeZone,a.b");
}

TEST_CASE("commands that change settings are known by their tags") {
    for (const auto* tag : {"SET", "RESET", "DISCARD ALL"})
        CHECK(changes_settings(tag));
    for (const auto* tag : {"", "SELECT 1", "INSERT 0 1", "DISCARD TEMP", "SETTLE"})
        CHECK_FALSE(changes_settings(tag));
}

TEST_CASE("a literal reads the same under every setting") {
    CHECK(quote_literal("") == "''");
    CHECK(quote_literal("it's") == "'it''s'");
    CHECK(quote_literal("a\\b") == "E'a\\\\b'");
    CHECK(quote_literal("\\'") == "E'\\\\'''");
    CHECK(quote_literal("'; drop table t; --") == "'''; drop table t; --'");
    CHECK(quote_literal("é") ==
          "pg_catalog.convert_from(pg_catalog.decode('C3A9', 'hex'), "
          "pg_catalog.getdatabaseencoding())");
    CHECK(quote_literal("\x83'") ==
          "pg_catalog.convert_from(pg_catalog.decode('8327', 'hex'), "
          "pg_catalog.getdatabaseencoding())");
}

TEST_CASE("the name of a parameter is quoted part by part") {
    CHECK(quote_parameter_name("work_mem") == "\"work_mem\"");
    CHECK(quote_parameter_name("app.tenant") == "\"app\".\"tenant\"");
    CHECK(quote_parameter_name("a\"; drop") == "\"a\"\"; drop\"");
}
