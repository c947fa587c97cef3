#include "../endpoint.hpp"

using namespace neonsim;

TEST_CASE("the first label of a server name is the endpoint") {
    CHECK(choose_endpoint("ep-demo-1.neonsim.test", "").endpoint == "ep-demo-1");
    CHECK(choose_endpoint("ep-demo-1.neonsim.test", "ep-demo-1").endpoint == "ep-demo-1");
    CHECK(choose_endpoint("localhost", "").endpoint.empty());
    CHECK(choose_endpoint("", "ep-demo-1").endpoint == "ep-demo-1");
    CHECK(choose_endpoint("", "").endpoint.empty());
}

TEST_CASE("what names no endpoint of Neon's, or two, is refused") {
    CHECK(choose_endpoint("ep-a.neonsim.test", "ep-b").refused);
    CHECK(choose_endpoint("", "ep_b").refused);
    CHECK(choose_endpoint("ep a.neonsim.test", "").refused);
    CHECK_FALSE(choose_endpoint("", "").refused);
}

TEST_CASE("options for the proxy are taken out of those for PostgreSQL") {
    const auto split = split_options("  -c work_mem=1MB endpoint=ep-1\t-c a=b\\ c  neon_x:y ");
    CHECK(split.endpoint == "ep-1");
    CHECK(split.rest == "-c work_mem=1MB -c a=b\\ c");

    CHECK(split_options("project=ep-2").endpoint == "ep-2");
    CHECK(split_options("").rest.empty());
    CHECK(split_options("\\").rest == "\\");
    CHECK(split_options("-c\\ endpoint=x").endpoint.empty());
}

TEST_CASE("a clear-text password may carry the endpoint in front") {
    const auto semicolon = split_password("endpoint=ep-1;a;b$c");
    CHECK(semicolon.endpoint == "ep-1");
    CHECK(semicolon.password == "a;b$c");
    CHECK(split_password("project=ep-1$a").password == "a");
    CHECK(split_password("endpoint=;").endpoint.empty());
    CHECK_FALSE(split_password("endpoint=;").refused);

    CHECK(split_password("secret").refused);
    CHECK(split_password("").refused);
    CHECK(split_password("x;endpoint=ep-1").refused);
}
