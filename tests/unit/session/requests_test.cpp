#include "pgballast/session/requests.hpp"

#include <catch2/catch.hpp>

#include "messages.hpp"
#include "pgballast/session/opening.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

/// Of the statement "kept".
std::optional<bytes> find(bytes name) {
    static constexpr bytes definition{"select pg_advisory_lock(1)\0\0\0", 29};
    return name == "kept" ? std::optional{definition} : std::nullopt;
}

std::string extended(bytes text) {
    return parse(text) + bind_msg() + execute() + sync_msg();
}

std::string opening(const std::string& messages) {
    return opening_of(requests_in(messages, find));
}

bool may_outlive(const std::string& messages) {
    const auto all = requests_in(messages, find);
    REQUIRE(all.size() == 1);
    return may_outlive_rollback(all.front());
}

std::optional<bool> in_block(const std::string& messages, bool before) {
    return in_block_behind(requests_in(messages, find).front(), before);
}

}  // namespace

TEST_CASE("requests are told apart by what ends them, and the last may be a part") {
    const auto first = query("select 1"), second = extended("select 2"), third = parse("select 3");
    const auto all = first + second + third.substr(0, 9);
    const auto found = requests_in(all, find);
    REQUIRE(found.size() == 3);
    CHECK(found[0].all == first);
    CHECK(found[1].all == second);
    CHECK(found[2].all == third.substr(0, 9));
    CHECK(found[2].partial == third.substr(0, 9));
    CHECK((found[0].ended && found[1].ended && !found[2].ended));
    CHECK((found[0].simple && !found[1].simple));
    CHECK((found[0].runs.size() == 1 && found[1].runs.size() == 1 && found[2].runs.empty()));
    CHECK_FALSE(requests_in(bind_msg("nobody's") + execute() + sync_msg(), find)[0].readable);
    CHECK_FALSE(requests_in(call(), find)[0].readable);
}

TEST_CASE("locks of the session and statements of PREPARE outlive a rollback") {
    for (const auto* text :
         {"select pg_advisory_lock(1)", "select PG_ADVISORY_LOCK(1)",
          "select U&\"pg\\005fadvisory_lock\"(1)", "prepare p as select 1", "deallocate p",
          "select 1; prepare p as select 1", "do $$ begin execute 'pre' || 'pare p'; end $$",
          "selec prepare",
          "create function f() returns void language plpgsql as 'begin execute x;'"})
        CHECK((may_outlive(query(text)) && may_outlive(extended(text))));
    for (const auto* text :
         {"select 1", "set work_mem to '9MB'", "insert into prepared values ('prepare')",
          "prepare transaction 'x'", "commit prepared 'x'", "execute p", "selec",
          "create trigger t after insert on u for each row execute function f()"})
        CHECK_FALSE((may_outlive(query(text)) || may_outlive(extended(text))));
    CHECK(may_outlive(bind_msg("kept") + execute() + sync_msg()));
    CHECK(may_outlive(bind_msg("unknown") + execute() + sync_msg()));
    CHECK(may_outlive(call()));
}

TEST_CASE("where a client is behind a request that has failed") {
    for (const bool before : {false, true}) {
        CHECK(in_block(query("select 1"), before) == before);
        CHECK(in_block(query("selec"), before) == before);
        CHECK(in_block(query("begin; select 1"), before) == true);
    }
    for (const auto* text : {"commit", "rollback", "end and chain", "prepare transaction 'x'"})
        CHECK(in_block(query(text), true) == false);
    CHECK(in_block(query("rollback and chain"), true) == true);
    CHECK_FALSE(in_block(query("selec; commit"), true).has_value());
    CHECK_FALSE(in_block(call(), true).has_value());
}

TEST_CASE("a block is opened as it was, by its BEGIN and its SET TRANSACTION") {
    CHECK(opening(query("begin")) == "begin");
    CHECK(opening(extended("start transaction read only")) == "start transaction read only");
    CHECK(opening(query("begin; select 'transaction'") + query("insert into t values (1)")) ==
          "begin");
    CHECK(opening(query("begin") + query("set transaction read only; select 1") +
                  extended("set transaction isolation level serializable")) ==
          "begin;set transaction read only;set transaction isolation level serializable");
    CHECK(opening(query("begin") + query("select E'\\\\'")) == "begin");
    for (const auto* unclear :
         {"set transaction_read_only to on", "select set_config($1, $2, true)", "selec transaction",
          "set local transaction_isolation = 'serializable'"})
        CHECK(opening(query("begin") + query(unclear)).empty());
    CHECK(opening(query("begin") + call()).empty());
    CHECK(opening(query("select 1") + query("begin")).empty());
    CHECK(opening({}).empty());
}
