// What is answered while the compute sleeps. That a server would have said the same is
// compared in tests/pg/asleep_test.py.
#include "pgballast/session/asleep.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

using namespace pgballast;
using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

/// The pool's question before it wakes a compute.
std::string asleep(session::session& one, bytes in, bool select1 = true) {
    const auto used = one.answer_asleep(in, select1);
    if (used == 0)
        return "wake";
    return names_of(one.out()) + (used == in.size() ? "" : " and more");
}

std::string segment(bytes text) {
    return parse(text) + bind_msg() + execute() + sync_msg();
}

}  // namespace

TEST_CASE("pings and resets are answered for a server that sleeps") {
    rig to{mode::automatic};
    CHECK(asleep(to.one, query("")) == "I Z:I");
    CHECK(asleep(to.one, query("select 1")) == "T D C Z:I");
    CHECK(asleep(to.one, query("rollback")) == "N:25P01 C Z:I");
    CHECK(asleep(to.one, query("discard all")) == "C Z:I");
    CHECK(asleep(to.one, query("select pg_advisory_unlock_all();close all;unlisten *;reset all")) ==
          "T D C C C C Z:I");
    CHECK(asleep(to.one, segment("")) == "1 2 I Z:I");
    CHECK(asleep(to.one, segment("select 1")) == "1 2 D C Z:I");
    CHECK(asleep(to.one, parse("select 1") + describe() + sync_msg()) == "1 t T Z:I");
    CHECK(asleep(to.one, parse("") + describe() + flush() + sync_msg()) == "1 t n Z:I");
}

TEST_CASE("of a pipeline the first request is answered at once, the others in their turn") {
    rig to;
    CHECK(asleep(to.one, query("") + query("select f()")) == "I Z:I and more");
    CHECK(asleep(to.one, segment("") + segment("")) == "1 2 I Z:I and more");
}

TEST_CASE("SELECT 1 is answered only where that is asked for") {
    rig to;
    CHECK(asleep(to.one, query("select 1"), false) == "wake");
    CHECK(asleep(to.one, segment("select 1"), false) == "wake");
    CHECK(asleep(to.one, query(""), false) == "I Z:I");
}

TEST_CASE("whatever has not come whole, or is no ping, is the server's") {
    rig to;
    for (const auto& whole : {query("select 1"), segment("select 1"), segment("")})
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(asleep(to.one, bytes{whole}.substr(0, size)) == "wake");
    CHECK(asleep(to.one, query("select 2")) == "wake");
    CHECK(asleep(to.one, frame('Q', {"\0select f()\0", 12})) == "wake");
    CHECK(asleep(to.one, parse("", "named") + sync_msg()) == "wake");
    CHECK(asleep(to.one, parse("select 1; select 1") + sync_msg()) == "wake");
    CHECK(asleep(to.one, bind_msg() + execute() + sync_msg()) == "wake");
    CHECK(asleep(to.one, segment("").insert(0, parse(""))) == "wake");
    CHECK(asleep(to.one, parse("") + query("")) == "wake");
    CHECK(asleep(to.one, parse("") + execute() + sync_msg()) == "wake");
    CHECK(asleep(to.one, sync_msg()) == "wake");
    CHECK(asleep(to.one, parse("") + bind_msg() + execute() + execute() + sync_msg()) == "wake");
    CHECK(asleep(to.one, parse("") + bind_msg("s") + execute() + sync_msg()) == "wake");
    CHECK(asleep(to.one, parse("") + bind_msg() + copy_data() + sync_msg()) == "wake");
    const auto one_row = frame('E', {"\0\0\0\0\1", 5});  // after it the portal is suspended
    CHECK(asleep(to.one, parse("select 1") + bind_msg() + one_row + sync_msg()) == "wake");
}

TEST_CASE("a session that has changed is reset where its changes are known to be gone") {
    rig to{mode::automatic};
    to.client(query("set app.tenant to 'acme'"));
    to.server(complete("SET") + ready());
    to.lose();
    CHECK(asleep(to.one, query("discard all")) == "wake");
}

TEST_CASE("what was prepared by SQL is no server's to forget alone") {
    const std::string text = "prepare s as select 1";
    rig to{mode::automatic};
    to.client(query(text));
    to.server(complete("PREPARE") + ready());
    to.lose();
    CHECK(asleep(to.one, query("discard all")) == "wake");
}

TEST_CASE("what was parsed last, a sleeping server has parsed, and its successor will") {
    rig to{mode::session};
    CHECK(asleep(to.one, segment("select 1")) == "1 2 D C Z:I");
    to.client(bind_msg() + execute() + sync_msg());
    CHECK(to.to_server == parse("select 1") + bind_msg() + execute() + sync_msg());
}

TEST_CASE("a Query takes the unnamed statement away, as at a server") {
    rig to{mode::session};
    CHECK(asleep(to.one, segment("select 1")) == "1 2 D C Z:I");
    CHECK(asleep(to.one, query("")) == "I Z:I");
    to.client(bind_msg() + execute() + sync_msg());
    CHECK(names_of(to.to_server) == "C B E: S");
}

TEST_CASE("after DEALLOCATE ALL no name means anything") {
    rig to{mode::session};
    to.client(parse("select 7", "s") + sync_msg());
    to.server(frame('1') + ready());
    to.lose();
    to.taken_by_server();
    CHECK(asleep(to.one, query("deallocate all")) == "C Z:I");
    to.client(bind_msg("s") + execute() + sync_msg());
    CHECK(to.taken_by_server().find("select 7") == std::string::npos);
}
