// A backend that is lost: what the client hears of it.
#include <catch2/catch.hpp>
#include <string>

#include "pgballast/session/session.hpp"
#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

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
