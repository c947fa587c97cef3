// A backend that is lost: what the client hears of it.
#include <catch2/catch.hpp>
#include <string>

#include "pgballast/session/session.hpp"
#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

void begin(rig& one, const char* text = "begin") {
    one.client(query(text));
    one.server(complete("BEGIN") + ready('T'));
}

}  // namespace

TEST_CASE("a server that breaks the protocol is dropped, and the client told") {
    for (const auto& broken : {parsed(), frame('R', {"\0\0\0\0", 4}), frame('Z', "X"),
                               frame('Z', "II"), frame('S', "no zero"), std::string{"C\0\0\0\3", 5},
                               status("a", std::string(70'000, 'x'))}) {
        rig one;
        one.client(query("insert"));
        CAPTURE(broken.front(), broken.size());
        one.server(broken);
        CHECK(names_of(one.to_client) == "E:08007 Z:I");
        CHECK_FALSE(one.lent);
    }
}

TEST_CASE("a fatal error is the end of the backend, not of the client") {
    for (const auto* sqlstate : {"57P01", "57P05", "25P03", "XX000"}) {
        rig one;
        one.client(query("insert"));
        one.server(row() + fatal(sqlstate, "terminating connection"));
        CHECK(names_of(one.to_client) == "D E:08007 Z:I");
        // The server's words are in the detail: drivers look for them in the message.
        const auto fields = pgballast::wire::decode_error_fields(
            bytes{one.to_client}.substr(row().size() + pgballast::wire::header_size));
        CHECK(fields.detail == "terminating connection");
        CHECK(fields.message.find("terminating connection") == bytes::npos);
    }
}

TEST_CASE("the warning of a crash is kept from the client") {
    rig one;
    one.client(query("insert"));
    one.server(notice("57P02", "another server process crashed"));
    CHECK(one.to_client.empty());
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
    CHECK(one.to_client.find("another server process crashed") != std::string::npos);
}

TEST_CASE("the words of one loss are not those of the next") {
    rig one;
    one.client(query("insert"));
    one.server(fatal("57P01", "the first"));
    one.taken_by_client();
    one.client(query("insert 2"));
    one.lose({{}, "the second"});
    CHECK(one.to_client.find("the second") != std::string::npos);
    CHECK(one.to_client.find("the first") == std::string::npos);
}

TEST_CASE("a loss between requests is not told") {
    rig one{mode::session};
    one.client(query("show all"));
    one.server(complete("SHOW") + ready());
    one.taken_by_client();
    one.lose();
    CHECK(one.to_client.empty());
    CHECK(one.losses == "d");
}

TEST_CASE("a transaction lost between requests is told at the next one") {
    const auto told_at = [](const std::string& next, bool close = false) {
        rig one;
        one.at.close_lost_blocks = close;
        begin(one);
        CHECK(one.one.idle_in_transaction());
        one.taken_by_client();
        one.lose({"57P01", "gone"});
        CHECK(one.to_client.empty());
        one.client(next);
        CHECK(one.failed == close);
        CHECK_FALSE(one.lent);
        return names_of(one.to_client);
    };
    CHECK(told_at(query("select 1")) == "E:40001 Z:E");
    CHECK(told_at(query("select 1") + query("select 1")) == "E:40001 Z:E E:25P02 Z:E");
    CHECK(told_at(query("commit")) == "E:40001 Z:I");
    CHECK(told_at(query("END")) == "E:40001 Z:I");
    CHECK(told_at(query("rollback")) == "C Z:I");
    CHECK(told_at(query("rollback to savepoint s")) == "E:40001 Z:E");
    CHECK(told_at(parse("insert") + bind_msg() + execute()) == "E:40001");
    CHECK(told_at(parse("insert") + bind_msg() + execute() + sync_msg()) == "E:40001 Z:E");
    CHECK(told_at(parse("commit") + bind_msg() + execute() + sync_msg()) == "1 2 E:40001 Z:I");
    CHECK(told_at(parse("rollback") + bind_msg() + execute() + sync_msg()) == "1 2 C Z:I");
    CHECK(told_at(query("commit"), true) == "E!57P01");

    rig one;
    begin(one);
    one.lose();
    one.client(terminate());
    CHECK(one.left);
    CHECK_FALSE(one.failed);
}

TEST_CASE("who has had all its answers hears of a lost block when it goes on") {
    rig one;
    begin(one);
    one.client(parse("insert into t values (1)", "s") + flush());
    one.server(parsed());
    one.taken_by_client();
    one.lose();
    CHECK(one.to_client.empty());
    one.client(bind_msg("s") + execute() + sync_msg());
    CHECK(names_of(one.to_client) == "E:40001 Z:E");
}

TEST_CASE("what a client was told is known afterwards, and a refusal before the loss is not it") {
    rig one;
    one.may_lend = false;
    one.client(query("select 1"));
    one.refuse();
    one.may_lend = true;
    begin(one);
    one.client(parse("insert into t values (1)") + bind_msg() + execute() + sync_msg());
    one.server(parsed() + bound());
    one.lose();
    CHECK(one.one.take_aftermath() == aftermath::told);
    CHECK(one.one.told_sqlstate() == "40001");

    rig idle{mode::session};
    idle.may_lend = false;
    idle.client(query("select 1"));
    idle.refuse();
    idle.may_lend = true;
    idle.client(query("select 2"));
    idle.server(complete() + ready());
    idle.lose();
    CHECK(idle.one.take_aftermath() == aftermath::none);
}

TEST_CASE("a block that has failed before is lost without a word") {
    rig one;
    begin(one);
    one.client(query("oops"));
    one.server(error("42601") + ready('E'));
    one.lose();
    one.taken_by_client();
    one.client(query("select 1") + query("commit"));
    CHECK(names_of(one.to_client) == "E:25P02 Z:E C Z:I");
}

TEST_CASE("what is behind the end of a lost block runs on another backend") {
    rig one;
    begin(one, "begin isolation level serializable");
    one.lose();
    one.taken_by_client();
    one.taken_by_server();
    one.client(query("rollback; select 1"));
    CHECK(names_of(one.to_client) == "C");
    CHECK(one.to_server == query(" select 1"));
    one.server(complete() + ready());
    CHECK(names_of(one.to_client) == "C C Z:I");
}

TEST_CASE("what a lost transaction has set is taken back, and its client told so") {
    const auto set = query("set timezone to 'CET'");
    const auto report = complete("SET") + status("TimeZone", "CET");
    const auto back = status("TimeZone", "UTC");

    rig block;
    block.client(query("begin"));
    block.server(complete("BEGIN") + ready('T'));
    block.client(set);
    block.server(report + ready('T'));
    block.taken_by_client();
    block.lose();
    CHECK(block.to_client.empty());
    block.client(query("select 1"));
    CHECK(names_of(block.taken_by_client()) == "E:40001 Z:E");
    block.client(query("rollback"));
    CHECK(block.taken_by_client() == back + complete("ROLLBACK") + ready());
    block.client(query("select 1"));
    CHECK(block.taken_by_server().ends_with(query("select 1")));
    CHECK(block.backend->reported == block.login);

    rig alone;
    alone.client(set);
    alone.server(report);
    alone.taken_by_client();
    alone.lose();
    CHECK(alone.to_client.starts_with(back));
    CHECK(names_of(alone.to_client) == "S E:08007 Z:I");

    rig committed;
    committed.client(query("begin"));
    committed.server(complete("BEGIN") + ready('T'));
    committed.client(set);
    committed.server(report + ready('T'));
    committed.client(query("commit"));
    committed.server(complete("COMMIT") + ready());
    committed.taken_by_client();
    committed.client(query("begin"));
    committed.server(complete("BEGIN") + ready('T'));
    committed.taken_by_client();
    committed.lose();
    committed.client(query("rollback"));
    CHECK(names_of(committed.to_client) == "C Z:I");
}

TEST_CASE("AND CHAIN opens a block of the same kind") {
    rig one;
    begin(one, "begin isolation level serializable");
    one.lose();
    one.taken_by_client();
    one.taken_by_server();
    one.client(query("rollback and chain"));
    CHECK(names_of(one.to_client) == "C Z:T");
    one.client(query("select 1"));
    CHECK(one.taken_by_server() == query("begin isolation level serializable"));
    one.lose();  // before it was there
    CHECK(one.taken_by_server() == query("begin isolation level serializable"));
    one.server(complete("BEGIN") + ready('T'));
    CHECK(one.to_server == query("select 1"));
    one.server(complete() + ready('T'));
    CHECK(names_of(one.to_client) == "C Z:T C Z:T");
}

TEST_CASE("what a client pipelined behind a lost statement stays in its block") {
    const auto told_at_loss = [](const std::string& in_flight, const loss& why) {
        rig one;
        begin(one);
        one.taken_by_client();
        one.client(in_flight);
        one.lose(why);
        CHECK_FALSE(one.failed);
        return names_of(one.to_client);
    };
    const loss by_error{"57P01", "gone", true}, silent{{}, "gone"};
    CHECK(told_at_loss(query("insert"), silent) == "E:40001 Z:E");
    CHECK(told_at_loss(query("insert") + query("insert"), silent) == "E:40001 Z:E E:25P02 Z:E");
    CHECK(told_at_loss(query("commit"), silent) == "E:08007 Z:I");
    CHECK(told_at_loss(query("commit"), by_error) == "E:08007 Z:I");
    CHECK(told_at_loss(query("rollback"), silent) == "C Z:I");
    CHECK(told_at_loss(query("prepare transaction 'x'"), silent) == "E:08007 Z:I");
    // Had it not read the COMMIT, it has not committed.
    CHECK(told_at_loss(query("insert") + query("commit"), by_error) == "E:40001 Z:E C Z:I");
    CHECK(told_at_loss(query("insert") + query("commit"), silent) == "E:08007 Z:E E:08007 Z:I");
    // What comes behind the block may have run, too.
    CHECK(told_at_loss(query("rollback") + query("insert"), silent) == "E:08007 Z:I E:08007 Z:I");
}

TEST_CASE("who pipelines stays in the block that was lost with its BEGIN") {
    rig one;
    one.client(query("begin") + query("insert"));
    one.lose();
    CHECK(names_of(one.taken_by_client()) == "E:08007 Z:E E:08007 Z:E");
    one.client(query("insert") + query("commit"));
    CHECK(names_of(one.to_client) == "E:25P02 Z:E C Z:I");
}

namespace {

const loss terminated{"57P01", "terminating connection due to administrator command", true};

/// A statement in flight is lost; what the client is told once the next backend, asked for a
/// proof, has said `proof`.
std::string told_behind(rig& one, const std::string& sent, const std::string& before,
                        const loss& why, const char* proof) {
    one.client(sent);
    one.server(before);
    one.taken_by_server();
    one.lose(why);
    if (one.waiting)
        one.server(frame('T', {"\0\0", 2}) + row(proof) + complete("SELECT 1") + ready());
    return names_of(one.to_client);
}

}  // namespace

TEST_CASE("a statement that was rolled back for certain is run again") {
    const auto insert = query("insert into t values (1)");
    rig one;
    CHECK(told_behind(one, insert, "", terminated, "t").empty());
    CHECK(one.to_server.ends_with(insert));
    one.server(complete("INSERT 0 1") + ready());
    CHECK(one.to_client == complete("INSERT 0 1") + ready());
    CHECK(one.one.take_aftermath() == aftermath::rolled_back);

    rig not_proved, silent, completed, warned;
    CHECK(told_behind(not_proved, insert, "", terminated, "f") == "E:08007 Z:I");
    CHECK(told_behind(silent, insert, "", {}, "t") == "E:08007 Z:I");
    CHECK(told_behind(completed, insert, complete("INSERT 0 1"), terminated, "t") ==
          "C E:08007 Z:I");
    warned.client(insert);
    warned.server(notice("57P01", "already committed locally") + fatal("57P01", "gone"));
    CHECK(names_of(warned.to_client) == "E:08007 Z:I");
    for (const auto* text : {"call p()", "do $$ begin end $$", "vacuum",
                             "insert into t values (1);"
                             " insert into t values (2)",
                             "commit prepared 'x'", "begin; select 1"}) {
        CAPTURE(text);
        rig other;
        CHECK(told_behind(other, query(text), "", terminated, "t").starts_with("E:08007"));
    }
}

TEST_CASE("rows that were told are passed over when a SELECT is run again") {
    const auto select = query("select a from t");
    const auto head = frame('T', {"\0\0", 2});
    for (const auto& why : {terminated, loss{}}) {
        rig one;
        one.client(select);
        one.server(head + row("1") + row("2"));
        one.taken_by_server();
        one.lose(why);
        one.server(head + row("t") + complete("SELECT 1") + ready());
        one.server(head + row("1") + row("2") + row("3") + complete("SELECT 3") + ready());
        CHECK(one.to_client ==
              head + row("1") + row("2") + row("3") + complete("SELECT 3") + ready());
        CHECK(one.one.take_aftermath() == aftermath::read_only);
    }
    rig other;
    other.client(select);
    other.server(head + row("1"));
    other.lose();
    other.server(head + row("t") + complete("SELECT 1") + ready());
    other.server(head + row("2"));
    CHECK(names_of(other.to_client) == "T D E:40001 Z:I");
    CHECK_FALSE(other.lent);
}

TEST_CASE("a large row goes on where it was cut") {
    const auto large = row(std::string(100'000, 'x'));
    rig one;
    one.client(query("select a from t"));
    one.server(bytes{large}.substr(0, 50'000));
    one.lose();
    one.server(frame('T', {"\0\0", 2}) + row("t") + complete("SELECT 1") + ready());
    one.server(large + complete() + ready());
    CHECK(one.to_client == large + complete() + ready());
}

TEST_CASE("rows of a writing statement that were told make it fail, if it was rolled back") {
    const auto insert = query("insert into t values (1) returning a");
    rig one, other;
    CHECK(told_behind(one, insert, row("1"), terminated, "t") == "D E:40001 Z:I");
    CHECK(told_behind(other, insert, row("1"), terminated, "f") == "D E:08007 Z:I");
}

TEST_CASE("what was not sent is run again, whatever it is") {
    rig one;
    one.at.nothing_written = true;
    one.client(query("call p()") + query("vacuum"));
    one.taken_by_server();
    one.lose();
    CHECK(one.to_client.empty());
    CHECK(one.to_server == query("call p()") + query("vacuum"));
    one.at.may_run_again = false;
    one.lose();
    CHECK(names_of(one.to_client).starts_with("E:40001 Z:I"));
}

TEST_CASE("a statement is run again so many times and no more") {
    rig one;
    one.at.nothing_written = true;
    one.client(query("insert into t values (1)"));
    for (unsigned attempt = 0; attempt < recovery::attempts_max; ++attempt) {
        one.lose();
        CHECK(one.to_client.empty());
    }
    one.lose();
    CHECK(names_of(one.to_client) == "E:40001 Z:I");
}

TEST_CASE("a named statement that was parsed in what was lost is parsed again") {
    rig one;
    one.client(parse("insert into t values (1)", "s") + bind_msg("s") + execute() + sync_msg());
    one.server(parsed() + bound());
    one.taken_by_server();
    one.lose(terminated);
    one.server(frame('T', {"\0\0", 2}) + row("t") + complete("SELECT 1") + ready());
    one.server(parsed() + bound() + complete("INSERT 0 1") + ready());
    CHECK(names_of(one.to_client) == "1 2 C Z:I");
}

TEST_CASE("nobody is told 57P03 of what may have run") {
    rig one;
    one.may_lend = true;
    one.client(query("insert into t values (1)"));
    one.may_lend = false;
    one.lose(terminated);
    CHECK(one.waiting);
    one.refuse();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("a BEGIN that was answered is no reason to end a client later") {
    rig one;
    begin(one);
    one.client(query("commit"));
    one.server(complete("COMMIT") + ready());
    one.client(query("insert"));
    one.taken_by_client();
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("what stands behind the end of a block may have been done when its backend is lost") {
    const auto run = [](bytes text) { return parse(text) + bind_msg() + execute(); };
    for (const auto& sent :
         {query("rollback; insert into t values (1)"),
          run("rollback") + run("insert into t values (1)") + sync_msg(),
          query("rollback; begin; insert into t values (1); commit"),
          query("rollback") + query("vacuum"), query("commit and chain; select 1")}) {
        CAPTURE(sent);
        rig one;
        begin(one);
        one.taken_by_client();
        one.client(sent);
        one.taken_by_server();
        one.lose();
        CHECK(names_of(one.to_client).starts_with("E:08007"));
        CHECK(one.to_server.empty());
    }
}

TEST_CASE("in a block that has failed only what opens another can commit") {
    const auto told = [](const std::string& sent) {
        rig one;
        begin(one);
        one.client(query("select 1/0"));
        one.server(error("22012") + ready('E'));
        one.taken_by_client();
        one.client(sent);
        one.lose();
        return names_of(one.to_client);
    };
    CHECK(told(query("commit")) == "C Z:I");
    CHECK(told(query("rollback; begin; insert into t values (1); commit")) == "E:08007 Z:I");
    CHECK(told(query("rollback to a; commit")) == "E:08007 Z:I");
}

TEST_CASE("who has been told of a commit, by Flush, is not told that there was none") {
    rig one;
    begin(one);
    one.client(parse("commit") + bind_msg() + execute() + flush());
    one.server(parsed() + bound() + complete("COMMIT"));
    one.taken_by_client();
    one.lose();
    one.client(sync_msg());
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("who is refused in the block that AND CHAIN has promised is answered once") {
    rig one;
    begin(one);
    one.lose();
    one.client(query("rollback and chain"));
    one.taken_by_client();
    one.may_lend = false;
    one.client(query("insert into t values (1)"));
    one.refuse();
    CHECK(names_of(one.taken_by_client()) == "E:57P03 Z:E");
    one.client(query("rollback"));
    CHECK(names_of(one.taken_by_client()) == "C Z:I");
    one.may_lend = true;
    one.client(query("select 1"));
    CHECK(one.to_server.ends_with(query("select 1")));
}

TEST_CASE("nothing is answered without a server in a block, or in a second run") {
    rig block, again;
    begin(block);
    block.lose();
    block.client(query("rollback and chain"));
    CHECK(block.one.answer_asleep(query("rollback"), true) == 0);
    again.client(query("select 1"));
    again.may_lend = false;
    again.lose();
    REQUIRE(again.waiting);
    CHECK(again.one.answer_asleep(query("select 1"), true) == 0);
}

TEST_CASE("a COPY with a Sync in its midst leaves nothing behind that has no answer") {
    rig one;
    begin(one);
    one.client(parse("copy t from stdin") + bind_msg() + execute() + sync_msg());
    one.server(parsed() + bound() + frame('G', {"\0\0\0", 3}));
    one.client(copy_data() + copy_done() + sync_msg());
    one.server(complete("COPY 1") + ready('T'));
    one.taken_by_client();
    one.client(query("select 1"));
    one.lose();
    CHECK(names_of(one.to_client) == "E:40001 Z:E");
}

TEST_CASE("what was answered without a server while it waited is nothing that was lost") {
    rig one;
    one.client(parse("select 1", "s") + sync_msg());
    one.server(parsed() + ready());
    one.client(query("select 1") + query("deallocate s"));
    one.server(complete() + ready());
    CHECK(names_of(one.taken_by_client()) == "1 Z:I C Z:I C Z:I");
    one.lose();
    CHECK(one.to_client.empty());
    CHECK(one.losses == "d");
}

TEST_CASE("what follows a BEGIN that was lost does not run on its own") {
    rig one;
    one.at = {true, false, false};
    one.client(query("begin") + query("insert into t values (1)") + query("commit"));
    one.lose();
    CHECK(names_of(one.to_client) == "E:40001 Z:E E:25P02 Z:E C Z:I");
}

TEST_CASE("a ReadyForQuery that was withheld comes before what is told of the next request") {
    rig one{mode::session, reports(),
            std::make_shared<const startup_settings>(startup_settings{{"work_mem", "7MB"}})};
    one.client(query("select 1"));
    one.server(complete("SET") + ready());  // to what restores its startup settings
    one.server(complete() + ready());
    one.taken_by_client();
    one.client(query("reset all"));
    one.server(complete("RESET") + ready());
    CHECK(names_of(one.taken_by_client()) == "C");
    one.client(query("call p()"));
    one.lose();
    CHECK(names_of(one.to_client) == "Z:I E:08007 Z:I");
}

TEST_CASE("a commit that opens the next block keeps what was set before it") {
    rig one{mode::session};
    begin(one);
    one.client(query("set timezone to 'CET'"));
    one.server(complete("SET") + status("TimeZone", "CET") + ready('T'));
    one.client(query("commit and chain"));
    one.server(complete("COMMIT") + ready('T'));
    one.taken_by_client();
    one.lose();
    one.client(query("rollback"));
    CHECK(names_of(one.to_client) == "C Z:I");
}
