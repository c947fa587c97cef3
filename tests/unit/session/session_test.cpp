#include "pgballast/session/session.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

startup_settings_ptr settings(startup_settings values) {
    return std::make_shared<const startup_settings>(std::move(values));
}

/// Answers whatever restoration has been sent.
std::string restored(bytes more = {}) {
    return complete("SET") + std::string{more} + ready();
}

}  // namespace

TEST_CASE("a backend is asked for only by what needs one") {
    rig one;
    one.client(sync_msg());
    CHECK(one.taken_by_client() == ready());
    one.client(flush() + copy_data() + copy_done() + copy_fail());
    CHECK(one.to_client.empty());
    CHECK(one.lendings == 0);
    one.client(query("select 1"));
    CHECK(one.lendings == 1);
    CHECK(one.to_server == query("select 1"));
}

TEST_CASE("a client that says goodbye is let go, behind what it has asked for") {
    rig one;
    one.client(query("select 1") + terminate() + query("select 2"));
    CHECK(one.left);
    CHECK(one.to_server == query("select 1"));
    CHECK(one.one.in_flight());
    CHECK(one.one.can_finish_alone());
    one.server(complete() + ready());
    CHECK_FALSE(one.lent);

    rig two;
    two.client(terminate());
    CHECK(two.left);
    CHECK(two.lendings == 0);
}

TEST_CASE("what needs more of a client that is gone cannot finish alone") {
    rig one;
    one.client(query("copy t from stdin"));
    CHECK(one.one.can_finish_alone());
    one.server(copy_in());
    CHECK_FALSE(one.one.can_finish_alone());
    one.client(copy_done());
    CHECK(one.one.can_finish_alone());

    rig two;
    two.client(parse("select 1"));
    CHECK_FALSE(two.one.can_finish_alone());
    two.client(sync_msg());
    CHECK(two.one.can_finish_alone());
    two.client(bytes{query("select 1")}.substr(0, 7));
    CHECK_FALSE(two.one.can_finish_alone());
}

TEST_CASE("a message that is no request of a client ends the session") {
    for (int type = 0; type < 256; ++type) {
        const auto letter = static_cast<char>(type);
        if (bytes{"QPBDECSHFdcfX"}.find(letter) != bytes::npos)
            continue;
        CAPTURE(type);
        rig one;
        one.client(frame(letter, "x"));
        CHECK(names_of(one.to_client) == "E!08P01");
        CHECK(one.failed);
    }
    rig one;
    one.client(query("select 1") + std::string{"Q\0\0\0\3", 5});
    CHECK(one.failed);
    CHECK(one.to_server == query("select 1"));
    CHECK(names_of(one.to_client) == "E!08P01");
}

TEST_CASE("a message above the client's limit ends the session") {
    session one{mode::transaction, reports(), {}, 100};
    CHECK(one.from_client(query(std::string(100, 'x'))).what == act::fail);
    session two{mode::transaction, reports(), {}, 100};
    CHECK(two.from_client(query(std::string(99, 'x'))).what == act::acquire);
}

TEST_CASE("anything but COPY messages during a COPY ends the session") {
    rig one;
    one.client(query("copy t from stdin"));
    one.server(copy_in());
    one.client(flush() + sync_msg() + copy_data());
    CHECK_FALSE(one.failed);
    one.client(query("select 1"));
    CHECK(names_of(one.to_client) == "G E!08P01");
    CHECK_FALSE(one.one.is_idle());  // so its backend is not given to anybody
}

TEST_CASE("ReadyForQuery in the middle of late COPY data lets the backend go when that ends") {
    const auto data = copy_data("a long line\n");
    for (std::size_t sent = pgballast::wire::header_size; sent < data.size(); ++sent) {
        CAPTURE(sent);
        rig one;
        one.client(query("copy t from stdin"));
        one.server(copy_in() + error("22P02"));
        one.client(bytes{data}.substr(0, sent));
        one.server(ready());
        CHECK(one.idles.empty());
        CHECK_FALSE(one.one.is_idle());
        one.client(data.substr(sent) + copy_done());
        CHECK(one.idles.size() == 1);
        CHECK_FALSE(one.lent);
        CHECK(one.to_server == query("copy t from stdin") + data);
    }
}

TEST_CASE("a large message passes in parts, unchanged") {
    const auto large = query(std::string(200'000, 'x'));
    const auto rows = row(std::string(200'000, 'y')) + row();
    for (const auto how : {mode::transaction, mode::session}) {
        rig one{how};
        for (std::size_t at = 0; at < large.size(); at += 10'007)
            one.client(bytes{large}.substr(at, 10'007));
        CHECK(one.to_server == large);
        for (std::size_t at = 0; at < rows.size(); at += 10'007)
            one.server(bytes{rows}.substr(at, 10'007));
        one.server(complete() + ready());
        CHECK(one.to_client == rows + complete() + ready());
        CHECK(one.idles.size() == 1);
    }
}

TEST_CASE("an oversized error or notice passes in parts") {
    const auto report = error("22000", std::string(100'000, 'x'));
    rig one;
    one.client(query("select 1"));
    one.server(bytes{report}.substr(0, 70'000));
    one.server(bytes{report}.substr(70'000));
    one.server(notice("01000", std::string(100'000, 'x')));
    one.server(ready());
    CHECK(names_of(one.to_client) == "E:22000 N:01000 Z:I");
    CHECK(one.idles.size() == 1);
}

TEST_CASE("a server that breaks the protocol is dropped, and the client told") {
    for (const auto& broken : {parsed(), frame('R', {"\0\0\0\0", 4}), frame('Z', "X"),
                               frame('Z', "II"), frame('S', "no zero"), std::string{"C\0\0\0\3", 5},
                               status("a", std::string(70'000, 'x'))}) {
        rig one;
        one.client(query("select 1"));
        CAPTURE(broken.front(), broken.size());
        one.server(broken);
        CHECK(names_of(one.to_client) == "E:08007 Z:I");
        CHECK_FALSE(one.lent);
    }
}

TEST_CASE("a fatal error is the end of the backend, not of the client") {
    for (const auto* sqlstate : {"57P01", "57P05", "25P03", "XX000"}) {
        rig one;
        one.client(query("select 1"));
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
    one.client(query("select 1"));
    one.server(notice("57P02", "another server process crashed"));
    CHECK(one.to_client.empty());
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
    CHECK(one.to_client.find("another server process crashed") != std::string::npos);
}

TEST_CASE("the words of one loss are not those of the next") {
    rig one;
    one.client(query("select 1"));
    one.server(fatal("57P01", "the first"));
    one.taken_by_client();
    one.client(query("select 2"));
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
    for (const auto& next : {query("commit"), parse("select 1"), sync_msg(), bind_msg()}) {
        rig one;
        one.client(query("begin"));
        one.server(complete("BEGIN") + ready('T'));
        CHECK(one.one.idle_in_transaction());
        one.taken_by_client();
        one.lose({"57P01", "gone"});
        CHECK(one.to_client.empty());
        one.client(next);
        CHECK(names_of(one.to_client) == "E!40001");
        CHECK(one.failed);
    }
    rig one;
    one.client(query("begin"));
    one.server(complete("BEGIN") + ready('T'));
    one.lose();
    one.client(terminate());
    CHECK(one.left);
    CHECK_FALSE(one.failed);
}

TEST_CASE("one who pipelines does not go on after a loss") {
    // What it sent on after BEGIN would run on its own, without ROLLBACK to undo it.
    rig one;
    one.client(query("begin") + query("insert") + query("rollback"));
    one.server(complete("BEGIN") + ready('T'));
    one.lose();
    CHECK(names_of(one.to_client) == "C Z:T E!08007");

    rig two;
    two.client(query("select 1") + query("select 2"));
    two.server(complete() + ready() + complete() + ready());
    two.client(query("begin"));
    two.taken_by_client();
    two.lose();
    CHECK(names_of(two.to_client) == "E!08007");
}

TEST_CASE("one who may have sent more behind a lost BEGIN does not go on") {
    const auto told_at_loss = [](const std::string& sent) {
        rig one;
        one.client(sent);
        one.lose();
        return names_of(one.to_client);
    };
    for (const auto* text :
         {"begin", "BEGIN isolation level serializable", "  Start Transaction", "/* why */ begin",
          "-- why\nbegin", "insert into t values (1); begin", "select 1;select 2"}) {
        CAPTURE(text);
        CHECK(told_at_loss(query(text)) == "E!08007");
        CHECK(told_at_loss(parse(text, "name") + bind_msg() + execute() + sync_msg()) == "E!08007");
    }
    for (const auto* text : {"", " ", "insert into t values (1)", "select 1 ; ", "stop", "beg n"}) {
        CAPTURE(text);
        CHECK(told_at_loss(query(text)) == "E:08007 Z:I");
    }
}

TEST_CASE("a long text begins no block for having been cut") {
    const auto large = "insert into t values ('" + std::string(100'000, 'x') + "')";
    for (const auto* tail : {"", "; ", ";begin"}) {
        CAPTURE(tail);
        rig one;
        const auto whole = query(large + tail);
        one.client(bytes{whole}.substr(0, 50'000));
        one.client(bytes{whole}.substr(50'000));
        one.lose();
        CHECK(names_of(one.to_client) ==
              (bytes{tail}.ends_with("begin") ? "E!08007" : "E:08007 Z:I"));
    }
}

TEST_CASE("a BEGIN that was answered is no reason to end a client later") {
    rig one;
    one.client(query("begin"));
    one.server(complete("BEGIN") + ready('T'));
    one.client(query("commit"));
    one.server(complete("COMMIT") + ready());
    one.client(query("insert"));
    one.taken_by_client();
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("a request waits for a backend, whole") {
    rig one;
    one.may_lend = false;
    one.client(query("select 1"));
    CHECK(one.waiting);
    CHECK_FALSE(one.one.in_flight());
    one.client(query("select 2"));
    one.lend();
    CHECK(one.to_server == query("select 1") + query("select 2"));
}

TEST_CASE("a refused query is answered at once") {
    rig one;
    one.may_lend = false;
    one.client(query("select 1") + sync_msg());
    one.refuse();
    CHECK(names_of(one.taken_by_client()) == "E:57P03 Z:I Z:I");
    one.client(call());
    one.refuse();
    CHECK(names_of(one.taken_by_client()) == "E:57P03 Z:I");
    one.client(query("select 2"));
    one.lend();
    CHECK(one.to_server == query("select 2"));
}

TEST_CASE("each of several refused queries is asked for") {
    rig one;
    one.may_lend = false;
    one.client(query("select 1") + query("select 2"));
    one.refuse();
    CHECK(names_of(one.taken_by_client()) == "E:57P03 Z:I");
    CHECK(one.waiting);
    one.lend();
    CHECK(one.to_server == query("select 2"));
}

TEST_CASE("a refused segment is skipped up to its Sync") {
    for (const auto& first : {parse("select 1"), bind_msg(), describe(), execute(), close_msg()}) {
        rig one;
        one.may_lend = false;
        one.client(first + bind_msg());
        one.refuse();
        CHECK(names_of(one.to_client) == "E:57P03");
        one.client(execute() + query("skipped") + flush());
        CHECK(names_of(one.to_client) == "E:57P03");
        one.client(sync_msg());
        CHECK(names_of(one.to_client) == "E:57P03 Z:I");
        CHECK(one.lendings == 0);
        one.client(query("select 2"));
        one.lend();
        CHECK(one.to_server == query("select 2"));
    }
}

TEST_CASE("a refused message is passed over wherever it is cut") {
    const auto whole = query("select 1");
    for (std::size_t sent = pgballast::wire::header_size; sent <= whole.size(); ++sent) {
        rig one;
        one.may_lend = false;
        one.client(bytes{whole}.substr(0, sent));
        one.refuse();
        one.client(bytes{whole}.substr(sent));
        CHECK(names_of(one.to_client) == "E:57P03 Z:I");
        one.client(query("select 2"));
        one.lend();
        CHECK(one.to_server == query("select 2"));
    }
}

TEST_CASE("a cancel is answered only by the server's own words for it") {
    rig one;
    one.client(query("select 1"));
    one.one.expect_cancel();
    one.server(error("57014", "canceling statement due to statement timeout") + ready());
    CHECK_FALSE(one.one.cancel_answered());
    one.client(query("select 2"));
    one.one.expect_cancel();
    one.server(error("57014", "canceling statement due to user request") + ready());
    CHECK(one.one.cancel_answered());
}

TEST_CASE("an endless pipeline is refused") {
    rig one;
    one.may_lend = true;
    std::string some;
    for (int count = 0; count < 1024; ++count)
        some += flush() + sync_msg();
    one.client(query("select 1"));
    for (std::size_t sent = 0; sent < expected_replies::max && !one.failed; sent += 1024) {
        one.client(some);
        one.taken_by_server();
    }
    CHECK(names_of(one.to_client) == "E!54000");
}

TEST_CASE("settings ride in front of the request where they cannot fail") {
    rig one{mode::transaction, reports({{"application_name", "mine"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == query("set application_name='mine';") + query("select 1"));
    one.server(restored(status("application_name", "mine")));
    CHECK(one.to_client.empty());
    one.server(row() + complete() + ready());
    CHECK(one.to_client == row() + complete() + ready());
    CHECK(one.idles.size() == 1);
}

TEST_CASE("settings that may fail are waited for once per backend") {
    const auto text = query("set TimeZone='CET';");
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == text);
    CHECK(one.waiting);
    one.server(restored(status("TimeZone", "CET")));
    CHECK(one.to_server == text + query("select 1"));
    one.server(complete() + ready());

    // Another client has changed it meanwhile.
    one.backend->reported = reports();
    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == text + query("select 2"));
    one.server(restored(status("TimeZone", "CET")) + complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I C Z:I");
}

TEST_CASE("a restoration is understood wherever its answer is cut") {
    const auto answer = notice("01000") + complete("SET") + status("TimeZone", "CET") + ready();
    for (std::size_t at = 0; at <= answer.size(); ++at) {
        rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
        one.client(query("select 1"));
        one.server(bytes{answer}.substr(0, at));
        one.server(bytes{answer}.substr(at));
        one.server(complete() + ready());
        CHECK(one.to_server == query("set TimeZone='CET';") + query("select 1"));
        CHECK(one.to_client == complete() + ready());
    }
}

TEST_CASE("a notification for the client before is not told to this one") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(notification() + complete("SET") + ready());
    one.server(complete() + notification() + ready());
    CHECK(names_of(one.to_client) == "S C A Z:I");
}

TEST_CASE("what the server made of a setting is told to the client") {
    rig one{mode::transaction, reports({{"TimeZone", "utc"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(restored());  // reported as before: UTC
    one.server(complete() + ready());
    CHECK(one.to_client == status("TimeZone", "UTC") + complete() + ready());
    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == query("select 2"));
}

TEST_CASE("another server's own parameters are told, not restored") {
    rig one{mode::transaction, reports({{"server_version", "14"}}), {}, reports()};
    one.client(query("select 1"));
    CHECK(one.to_server == query("select 1"));
    one.server(complete() + ready());
    CHECK(one.to_client == status("server_version", "15.1") + complete() + ready());
}

TEST_CASE("a restoration that fails ends the session before anything of it has run") {
    rig one{mode::transaction, reports(), settings({{"role", "nosuch"}})};
    one.client(query("select 1"));
    CHECK(one.waiting);
    one.server(error("22023", "role does not exist"));
    CHECK(one.to_client.empty());
    one.server(ready());
    CHECK(names_of(one.to_client) == "E!22023");
    CHECK(one.to_server.find("select 1") == std::string::npos);
    // The server has rolled it back: the next client is not to believe in it.
    CHECK_FALSE(one.backend->applied);
}

TEST_CASE("nothing of an oversized error of a restoration reaches the client") {
    const auto report = error("22023", std::string(100'000, 'x'));
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("select 1"));
    one.server(bytes{report}.substr(0, 100));
    one.server(bytes{report}.substr(100));
    CHECK(one.to_client.empty());
    one.server(ready());
    CHECK(names_of(one.to_client) == "E!22023");
}

TEST_CASE("a restoration that fails where it had worked before loses the backend") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.backend->accept("set TimeZone='CET';");
    one.client(query("insert"));
    CHECK(one.to_server == query("set TimeZone='CET';") + query("insert"));
    one.server(error("22023") + ready() + complete() + ready());
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("a restoration that opens a transaction loses the backend") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    one.server(complete("SET") + ready('T'));
    CHECK(one.losses == "a");
}

TEST_CASE("a backend lost while it is restored is replaced unseen") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    one.lose();
    CHECK(one.losses == "a");
    CHECK(one.lendings == 2);
    one.server(restored(status("TimeZone", "CET")));
    one.server(complete() + ready());
    CHECK(names_of(one.to_client) == "C Z:I");
}

TEST_CASE("a restoration that kills every backend is given up") {
    rig one{mode::transaction, reports({{"TimeZone", "CET"}}), {}, reports()};
    one.client(query("insert"));
    while (one.to_client.empty())
        one.lose();
    CHECK(names_of(one.to_client) == "E:57P03 Z:I");
    CHECK(one.lendings <= 200);
    CHECK_FALSE(one.failed);
}

TEST_CASE("a request behind a restoration that is lost may have run") {
    rig one{mode::transaction, reports({{"application_name", "mine"}}), {}, reports()};
    one.client(query("insert"));
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I");
}

TEST_CASE("startup settings are set once, and again where a command may have changed them") {
    const auto mine = settings({{"search_path", "app"}});
    const auto text = query("select pg_catalog.set_config('search_path', 'app', false);");
    rig one{mode::transaction, reports(), mine};
    one.client(query("select 1"));
    CHECK(one.to_server == text);
    one.server(complete() + ready());
    one.server(complete() + ready());
    CHECK(one.backend->applied == mine);

    one.taken_by_server();
    one.client(query("select 2"));
    CHECK(one.to_server == query("select 2"));
    one.server(complete() + ready());

    for (const auto* tag : {"SET", "RESET", "DISCARD ALL"}) {
        one.client(query("change"));
        const auto end = complete(tag) + ready();
        one.server(bytes{end}.substr(0, 7));
        one.server(bytes{end}.substr(7));
        one.taken_by_server();
        one.client(query("select 3"));
        CHECK(one.to_server == text + query("select 3"));
        one.server(complete() + ready() + complete() + ready());
    }
}

TEST_CASE("a client without startup settings takes those of the one before back") {
    rig one;
    one.backend->applied = settings({{"search_path", "app"}});
    one.client(query("select 1"));
    CHECK(one.to_server == query("reset \"search_path\";"));
    one.server(complete("RESET") + ready());
    CHECK_FALSE(one.backend->applied);
    CHECK(one.to_server.ends_with(query("select 1")));
}
