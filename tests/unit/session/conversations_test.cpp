// Whole conversations of a client and a server: cut at every point, and lost at every
// step.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "rig.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

/// What the client is told when the backend is lost right behind a step.
enum class told {
    nothing,    // at rest
    unknown,    // 08007, ReadyForQuery
    skipped,    // 08007, and ReadyForQuery when its Sync has come
    ended,      // its error was told already: ReadyForQuery alone
    to_sync,    // the same when its Sync has come
    pipelined,  // … both requests
    reported,   // unknown, and that a setting is what it was before
};

struct line {
    char from;  // 'c' or 's'
    std::string data;
    told at_loss;
};

struct conversation {
    const char* name;
    std::vector<line> lines;
};

line client(std::string data, told at_loss) {
    return {'c', std::move(data), at_loss};
}
line server(std::string data, told at_loss) {
    return {'s', std::move(data), at_loss};
}

const std::vector<conversation>& conversations() {
    using enum told;
    static const std::vector<conversation> all{
        {"a simple query",
         {client(query("select 1"), unknown), server(row_description(), unknown),
          server(row() + row(), unknown), server(complete(), unknown), server(ready(), nothing)}},
        {"a simple query that fails",
         {client(query("oops"), unknown), server(error("42601"), ended), server(ready(), nothing)}},
        {"an extended query",
         {client(parse("select 1"), skipped), client(bind_msg() + describe() + execute(), skipped),
          client(sync_msg(), unknown), server(parsed() + bound(), unknown),
          server(row_description() + row() + complete(), unknown), server(ready(), nothing)}},
        {"an extended query that is flushed",
         {client(parse("select 1") + flush(), skipped), server(parsed(), skipped),
          client(bind_msg() + execute() + flush(), skipped), server(bound() + complete(), skipped),
          client(sync_msg(), unknown), server(ready(), nothing)}},
        {"an extended query that fails",
         {client(parse("oops") + bind_msg() + execute(), skipped), server(error("42601"), to_sync),
          client(sync_msg(), ended), server(ready(), nothing)}},
        {"a portal that is suspended",
         {client(parse("select 1") + bind_msg() + execute() + sync_msg(), unknown),
          server(parsed() + bound() + row() + suspended(), unknown), server(ready(), nothing)}},
        {"a close",
         {client(close_msg() + sync_msg(), unknown), server(closed(), unknown),
          server(ready(), nothing)}},
        {"a function call",
         {client(call(), unknown), server(frame('V', {"\xff\xff\xff\xff", 4}), unknown),
          server(ready(), nothing)}},
        {"a transaction",
         {client(query("begin"), unknown), server(complete("BEGIN") + ready('T'), nothing)}},
        {"a statement in a transaction",
         {client(query("begin"), unknown), server(complete("BEGIN") + ready('T'), nothing),
          client(query("insert"), unknown), server(complete("INSERT 0 1"), unknown)}},
        {"a commit",
         {client(query("begin"), unknown), server(complete("BEGIN") + ready('T'), nothing),
          client(query("commit"), unknown), server(complete("COMMIT"), unknown),
          server(ready(), nothing)}},
        {"a failed transaction",
         {client(query("begin;select 1/0"), unknown),
          server(complete("BEGIN") + error("22012") + ready('E'), nothing),
          client(query("rollback"), unknown), server(complete("ROLLBACK"), unknown),
          server(ready(), nothing)}},
        {"a COPY in",
         {client(query("copy t from stdin"), unknown), server(copy_in(), unknown),
          client(copy_data(), unknown), client(copy_data() + copy_done(), unknown),
          server(complete("COPY 2"), unknown), server(ready(), nothing)}},
        {"an extended COPY in, as libpq does it",
         {client(parse("copy t from stdin") + bind_msg() + describe() + execute() + sync_msg(),
                 unknown),
          server(parsed() + bound() + no_data() + copy_in(), skipped), client(copy_data(), skipped),
          client(copy_done() + sync_msg(), unknown), server(complete("COPY 1"), unknown),
          server(ready(), nothing)}},
        {"a COPY in that fails",
         {client(query("copy t from stdin"), unknown), server(copy_in(), unknown),
          client(copy_data(), unknown), server(error("22P02"), ended), server(ready(), nothing),
          client(copy_data() + copy_done(), nothing)}},
        {"a COPY out",
         {client(query("copy t to stdout"), unknown),
          server(copy_out() + frame('d', "1\n"), unknown), server(frame('c'), unknown),
          server(complete("COPY 1"), unknown), server(ready(), nothing)}},
        {"what a server says on its own",
         {client(query("select 1"), unknown), server(notice("01000"), unknown),
          server(status("TimeZone", "CET"), reported), server(notification(), reported),
          server(complete(), reported), server(ready(), nothing)}},
        {"a pipeline of queries",
         {client(query("select 1") + query("select 2"), pipelined),
          server(complete() + ready(), unknown), server(complete(), unknown),
          server(ready(), nothing)}},
        {"a pipeline of segments",
         {client(parse("a") + bind_msg() + execute() + sync_msg(), unknown),
          client(parse("b") + bind_msg() + execute() + sync_msg(), pipelined),
          server(parsed() + bound() + complete() + ready(), unknown), server(error("42601"), ended),
          server(ready(), nothing)}},
        {"a Sync behind rest",
         {client(query("select 1"), unknown), server(complete() + ready(), nothing),
          client(sync_msg(), nothing)}},
    };
    return all;
}

struct outcome {
    std::string to_client, to_server;
    std::vector<std::size_t> idles;
    bool operator==(const outcome&) const = default;
};

outcome run(const conversation& talk, mode how, std::size_t cut_line, std::size_t cut_at,
            bool octets) {
    rig one{how};
    for (std::size_t at = 0; at < talk.lines.size(); ++at) {
        const auto& [from, data, unused] = talk.lines[at];
        const auto say = [&, side = from](bytes part) {
            if (part.empty())
                return;
            side == 'c' ? one.client(part) : one.server(part);
        };
        if (octets)
            for (const char& octet : data)
                say({&octet, 1});
        else {
            const auto cut = at == cut_line ? cut_at : data.size();
            say(bytes{data}.substr(0, cut));
            say(bytes{data}.substr(cut));
        }
    }
    CHECK_FALSE(one.failed);
    return {one.to_client, one.to_server, one.idles};
}

/// All that one side sends, and where the client stands when the backend is at rest.
outcome expected(const conversation& talk) {
    outcome all;
    for (const auto& [from, data, at_loss] : talk.lines) {
        (from == 'c' ? all.to_server : all.to_client) += data;
        if (from == 's' && at_loss == told::nothing && data.ends_with(ready()))
            all.idles.push_back(all.to_client.size());
    }
    return all;
}

std::string names_at_loss(told what, bool synced) {
    switch (what) {
        case told::nothing:
            return "";
        case told::unknown:
            return "E:08007 Z:I";
        case told::reported:
            return "S E:08007 Z:I";
        case told::skipped:
            return synced ? "E:08007 Z:I" : "E:08007";
        case told::ended:
            return "Z:I";
        case told::to_sync:
            return synced ? "Z:I" : "";
        case told::pipelined:
            return "E:08007 Z:I E:08007 Z:I";
    }
    return "?";
}

/// Plays a conversation up to and with a line.
void play(rig& one, const conversation& talk, std::size_t last) {
    for (std::size_t at = 0; at <= last; ++at)
        talk.lines[at].from == 'c' ? one.client(talk.lines[at].data)
                                   : one.server(talk.lines[at].data);
}

}  // namespace

TEST_CASE("both sides get the same bytes wherever the reads have cut them") {
    for (const auto how : {mode::transaction, mode::session})
        for (const auto& talk : conversations()) {
            CAPTURE(talk.name, static_cast<int>(how));
            auto all = expected(talk);
            const bool answered = talk.name == std::string{"a Sync behind rest"} ||
                                  talk.name == std::string{"a COPY in that fails"};
            const auto whole = run(talk, how, 0, talk.lines[0].data.size(), false);
            if (!answered)
                CHECK(whole == all);
            CHECK(run(talk, how, 0, 0, true) == whole);
            for (std::size_t line = 0; line < talk.lines.size(); ++line)
                for (std::size_t at = 1; at < talk.lines[line].data.size(); ++at) {
                    CAPTURE(line, at);
                    CHECK(run(talk, how, line, at, false) == whole);
                }
        }
}

TEST_CASE("a loss behind any step is answered once, and the client goes on") {
    for (const auto& talk : conversations())
        for (std::size_t last = 0; last < talk.lines.size(); ++last) {
            CAPTURE(talk.name, last);
            rig one;
            one.at.may_run_again = false;
            play(one, talk, last);
            const bool transaction_open = one.one.idle_in_transaction();
            one.taken_by_client();
            if (one.lent)
                one.lose();
            const auto told_what = talk.lines[last].at_loss;
            // Of what has not run at all it is known that it did not commit.
            const auto told = names_of(one.to_client);
            const bool in_block = told.ends_with("Z:E");
            CHECK((told == names_at_loss(told_what, false) || told == "E:40001 Z:I" ||
                   told == "E:40001" || told == "C Z:I" || in_block));
            CHECK_FALSE(one.failed);

            if (told_what == told::skipped || told_what == told::to_sync) {
                // The rest of the segment is skipped, and answered at its Sync.
                one.client(bind_msg() + execute() + copy_data() + copy_done());
                CHECK(names_of(one.to_client) == told);
                one.client(sync_msg());
                CHECK(names_of(one.to_client) == told + (told.empty() ? "Z:I" : " Z:I"));
            }
            one.taken_by_client();
            one.taken_by_server();
            one.client(query("select 2"));
            if (transaction_open || in_block) {
                const auto next = names_of(one.to_client);
                CHECK((next == "E:25P02 Z:E" || (next == "E:40001 Z:E" && !in_block)));
                continue;
            }
            if (one.waiting)  // for its TimeZone to be set
                one.server(complete("SET") + status("TimeZone", "CET") + ready());
            CHECK(one.to_server.ends_with(query("select 2")));
            one.server(complete() + ready());
            CHECK(one.taken_by_client() == complete() + ready());
        }
}

TEST_CASE("a message that the client has half sent goes on to another backend") {
    const auto whole = query("insert into t values (1)");
    for (const auto how : {mode::transaction, mode::session})
        for (std::size_t sent = 1; sent < whole.size(); ++sent) {
            CAPTURE(static_cast<int>(how), sent);
            rig one{how};
            one.client(bytes{whole}.substr(0, sent));
            CHECK(one.lent == (sent >= pgballast::wire::header_size));
            one.taken_by_server();
            if (one.lent)
                one.lose();
            CHECK(one.to_client.empty());
            one.client(bytes{whole}.substr(sent));
            CHECK(one.to_server == whole);
            one.server(complete() + ready());
            CHECK(one.to_client == complete() + ready());
        }
}

TEST_CASE("of a small reply nothing is shown before all of it is there, so an error fits") {
    const auto whole = row("a value that is long enough");
    for (std::size_t had = 1; had < whole.size(); ++had) {
        CAPTURE(had);
        rig one;
        one.client(query("insert"));
        one.server(bytes{whole}.substr(0, had));
        one.lose();
        CHECK(names_of(one.to_client) == "E:08007 Z:I");
    }
}

TEST_CASE("no error fits into the middle of a large message") {
    const auto whole = row(std::string(100'000, 'x'));
    for (const std::size_t had : {1u, 4u, 5u, 20'000u, 100'000u}) {
        CAPTURE(had);
        rig one;
        one.client(query("insert"));
        one.server(bytes{whole}.substr(0, had));
        one.lose();
        if (had < pgballast::wire::header_size)  // nothing of it was relayed yet
            CHECK(names_of(one.to_client) == "E:08007 Z:I");
        else {
            CHECK(one.failed);
            CHECK(one.to_client == whole.substr(0, had));
        }
    }
}

TEST_CASE("a message that is half relayed at the end of another one is cut too") {
    rig one;
    one.client(query("insert"));
    one.server(row() + row("long enough").substr(0, 8));
    one.server(row("long enough").substr(8) + row());
    one.lose();
    CHECK(names_of(one.taken_by_client()) == "D D D E:08007 Z:I");
    CHECK_FALSE(one.failed);
}
