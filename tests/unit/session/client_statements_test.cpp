#include "pgballast/session/client_statements.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace pgballast::session;

namespace {

statement_ptr some_statement(const std::string& text = "select 1") {
    return statement_registry::alone(text);
}

/// A client that has `name` for certain.
client_statements client_with(const std::string& name) {
    client_statements client;
    client.parse_sent(name, some_statement());
    client.sync_sent();
    client.done();
    client.sync_done();
    return client;
}

}  // namespace

TEST_CASE("a name is there from its Parse on, and for certain once that was answered") {
    client_statements client;
    CHECK(client.exists("a") == standing::absent);
    const auto made = some_statement();
    client.parse_sent("a", made);
    CHECK(client.exists("a") == standing::present);
    CHECK(client.find("a").statement == made);
    CHECK(client.exists("b") == standing::absent);
    client.sync_sent();
    CHECK(client.exists("a") == standing::unsettled);
    CHECK(client.find("a").statement == made);
    client.done();
    CHECK(client.exists("a") == standing::present);
    client.sync_done();
    CHECK(client.find("a").statement == made);
    CHECK(client.size() == 1);
}

TEST_CASE("a name is gone from its Close on, and for certain once that was answered") {
    auto client = client_with("a");
    client.close_sent("a");
    CHECK(client.exists("a") == standing::absent);
    client.sync_sent();
    CHECK(client.exists("a") == standing::unsettled);
    client.done();
    CHECK(client.exists("a") == standing::absent);
    CHECK(client.size() == 0);

    client.close_sent("never there");
    client.done();
    CHECK(client.size() == 0);
}

TEST_CASE("a name can be given anew within one segment") {
    auto client = client_with("a");
    const auto next = some_statement();
    client.close_sent("a");
    client.parse_sent("a", next);
    CHECK(client.find("a").statement == next);
    CHECK(client.exists("a") == standing::present);
    client.close_sent("a");
    client.sync_sent();
    client.done();
    client.done();
    CHECK(client.exists("a") == standing::unsettled);  // a Close is still due
    client.done();
    CHECK(client.exists("a") == standing::absent);
}

TEST_CASE("an error undoes what was sent behind it, up to its Sync") {
    // The error answers the first, the second … of three Parses, or what follows them; the
    // Sync is sent before or behind it.
    for (int before = 0; before <= 3; ++before) {
        for (const bool sync_first : {false, true}) {
            CAPTURE(before, sync_first);
            client_statements client;
            for (const auto* name : {"1", "2", "3"})
                client.parse_sent(name, some_statement());
            if (sync_first)
                client.sync_sent();
            for (int done = 0; done < before; ++done)
                client.done();
            client.failed();
            if (!sync_first) {
                client.parse_sent("skipped", some_statement());
                client.close_sent("1");
                client.other_close_sent();
                client.unnamed_parse_sent();
                client.sync_sent();
            }
            client.parse_sent("next", some_statement());
            client.sync_done();
            client.done();
            for (int name = 1; name <= 3; ++name)
                CHECK(client.exists(std::to_string(name)) ==
                      (name <= before ? standing::present : standing::absent));
            CHECK(client.exists("skipped") == standing::absent);
            CHECK(client.exists("") == standing::absent);
            CHECK(client.exists("next") == standing::present);
        }
    }
}

TEST_CASE("an error leaves the segments behind it as they are") {
    auto client = client_with("old");
    client.close_sent("old");  // skipped
    client.sync_sent();
    client.parse_sent("new", some_statement());
    client.sync_sent();
    client.parse_sent("newer", some_statement());
    client.failed();
    CHECK(client.exists("old") == standing::present);
    CHECK(client.exists("new") == standing::unsettled);
    CHECK(client.exists("newer") == standing::present);
    client.sync_done();
    client.done();
    client.sync_done();
    client.failed();
    CHECK(client.exists("new") == standing::present);
    CHECK(client.exists("newer") == standing::absent);
}

TEST_CASE("errors one behind the other each undo their own segment") {
    client_statements client;
    for (const auto* name : {"1", "2", "3"}) {
        client.parse_sent(name, some_statement());
        client.sync_sent();
    }
    client.failed();
    client.sync_done();
    client.done();
    client.sync_done();
    client.failed();
    client.sync_done();
    CHECK(client.exists("1") == standing::absent);
    CHECK(client.exists("2") == standing::present);
    CHECK(client.exists("3") == standing::absent);
}

TEST_CASE("a Sync that the server reads as a part of COPY ends no segment") {
    // Parse, Bind, Execute of a COPY, Sync, CopyDone, Sync, as libpq has it, and more.
    client_statements client;
    client.parse_sent("copy", some_statement());
    client.sync_sent();
    client.sync_sent();
    client.parse_sent("next", some_statement());
    client.sync_sent();
    client.done();
    client.sync_done();  // passed over, which CommandComplete of the COPY tells
    client.sync_done();
    client.failed();  // "next"
    CHECK(client.exists("copy") == standing::present);
    CHECK(client.exists("next") == standing::absent);
    client.sync_done();
    client.parse_sent("last", some_statement());
    client.failed();
    client.sync_sent();
    client.sync_done();
    CHECK(client.exists("last") == standing::absent);
}

TEST_CASE("PostgreSQL reads 63 bytes of a name, and so it is here") {
    const std::string longest(63, 'n');
    auto client = client_with(longest);
    CHECK(client.exists(longest) == standing::present);
    CHECK(client.exists(longest + "x") == standing::present);
    CHECK(client.exists(longest.substr(1)) == standing::absent);
    client.close_sent(longest + "y");
    CHECK(client.exists(longest) == standing::absent);
}

TEST_CASE("DEALLOCATE takes what is there, not what is sent behind it") {
    auto client = client_with("a");
    client.parse_sent("b", some_statement());
    client.deallocate("a");
    client.deallocate("b");
    client.deallocate("none");
    CHECK(client.exists("a") == standing::absent);
    client.done();
    CHECK(client.exists("b") == standing::present);
    client.parse_sent("c", some_statement());
    client.unnamed_parse_sent();
    client.done();
    client.done();
    client.parse_sent("d", some_statement());
    client.clear();
    for (const auto* name : {"a", "b", "c"})
        CHECK(client.exists(name) == standing::absent);
    client.done();
    CHECK(client.exists("d") == standing::present);
    CHECK(client.exists("") == standing::present);
}

TEST_CASE("the unnamed statement lasts until a simple query, or its backend") {
    client_statements client;
    CHECK(client.exists("") == standing::absent);
    const auto parse = [&] {
        client.unnamed_parse_sent();
        client.sync_sent();
        client.done();
        client.sync_done();
    };
    parse();
    CHECK(client.exists("") == standing::present);
    CHECK_FALSE(client.find("").statement);
    parse();
    client.query_done();
    CHECK(client.exists("") == standing::absent);
    parse();
    client.backend_left();
    CHECK(client.exists("") == standing::absent);
    parse();
    client.close_sent("");
    client.done();
    CHECK(client.exists("") == standing::absent);

    client.unnamed_parse_sent();  // sent behind the query
    client.query_done();
    client.done();
    CHECK(client.exists("") == standing::present);
}

TEST_CASE("a lost backend takes what was under way, and nothing that is certain") {
    auto client = client_with("a");
    client.unnamed_parse_sent();
    client.done();
    client.close_sent("a");
    client.parse_sent("b", some_statement());
    client.sync_sent();
    client.parse_sent("c", some_statement());
    client.failed();
    client.backend_lost();
    CHECK(client.exists("a") == standing::present);
    CHECK(client.exists("b") == standing::absent);
    CHECK(client.exists("c") == standing::absent);
    CHECK(client.exists("") == standing::absent);
    CHECK(client.size() == 1);
    client.parse_sent("b", some_statement());
    client.done();
    CHECK(client.exists("b") == standing::present);
}

TEST_CASE("a client that closes what it prepares does not grow") {
    client_statements client;
    statement_registry known;
    for (int number = 0; number < 10'000; ++number) {
        const auto name = std::to_string(number);
        client.parse_sent(name, known.share(name, ""));
        client.other_close_sent();
        client.close_sent(name);
        client.sync_sent();
        for (int reply = 0; reply < 3; ++reply)
            client.done();
        client.sync_done();
        CHECK(client.size() == 0);
        CHECK_FALSE(client.full());
        CHECK(known.size() <= 64);
    }
}

TEST_CASE("a client may have so many statements and no more") {
    client_statements client;
    const auto same = some_statement();
    for (std::size_t number = 0; number < client_statements::max; ++number) {
        if (client.full())
            FAIL("full at " << number);
        client.parse_sent(std::to_string(number), same);
    }
    CHECK(client.full());
    client.close_sent("7");
    CHECK_FALSE(client.full());
}
