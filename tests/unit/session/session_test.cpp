#include "pgballast/session/session.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

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
