#include "pgballast/config/settings.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::config;

TEST_CASE("a database is found by its own name, else through the fallback") {
    snapshot config;
    CHECK_FALSE(config.find_database("app"));

    database own{.name = "app"};
    own.upstream.dbname = "production";
    config.databases = {own};
    CHECK(config.find_database("app")->upstream.dbname == "production");
    CHECK_FALSE(config.find_database("other"));

    database fallback{.name = "*"};
    fallback.upstream.dbname = "postgres";
    fallback.upstream.user = "u";
    config.databases.push_back(fallback);
    CHECK(config.find_database("app")->upstream.dbname == "production");

    const auto other = config.find_database("other");
    REQUIRE(other);
    CHECK(other->name == "other");
    CHECK(other->upstream.dbname == "other");
    CHECK(other->upstream.user == "u");
}

TEST_CASE("a client that asks for \"*\" gets a database of that name, not the fallback's own") {
    snapshot config;
    database fallback{.name = "*"};
    fallback.upstream.dbname = "postgres";
    config.databases = {fallback};
    CHECK(config.find_database("*")->upstream.dbname == "*");
}
