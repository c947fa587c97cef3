// Prepared statements that clients share: by names of our own, on whatever backend.
#include <catch2/catch.hpp>
#include <string>

#include "rig.hpp"

using namespace pgballast;
using namespace pgballast::session;
using namespace pgballast::session::test;

namespace {

std::string close_of(bytes name) {
    return frame('C', "S" + std::string{name} + '\0');
}

/// The name in the first Parse of what was sent.
std::string name_in(const std::string& sent) {
    return sent.substr(5, sent.find('\0', 5) - 5);
}

/// A client that has prepared `text` as "s".
struct prepared : rig {
    explicit prepared(bytes text, mode its_mode = mode::transaction) : rig{its_mode} {
        client(parse(text, "s") + sync_msg());
        name = name_in(to_server);
        CHECK(taken_by_server() == parse(text, name) + sync_msg());
        server(parsed() + ready());
        CHECK(names_of(taken_by_client()) == "1 Z:I");
    }
    std::string name;
};

}  // namespace

TEST_CASE("equal statements have one name, others have others") {
    const prepared one{"select 1"}, same{"select 1"}, other{"select 2"};
    CHECK(one.name == same.name);
    CHECK(one.name != other.name);
    CHECK(one.name.starts_with("pgballast_"));
    CHECK(prepared{"select 'now'::date"}.name != prepared{"select 'now'::date"}.name);
}

TEST_CASE("messages that name a statement are sent under its other name") {
    prepared one{"select 1"};
    const auto large = frame('B', std::string{"\0s\0", 3} + std::string(100'000, 'x'));
    one.client(bytes{large}.substr(0, 6));
    for (std::size_t at = 6; at < large.size(); at += 30'000)
        one.client(bytes{large}.substr(at, 30'000));
    CHECK(one.to_server == frame('B', '\0' + one.name + '\0' + std::string(100'000, 'x')));
}

TEST_CASE("a backend that does not have it is given it in the same write") {
    prepared one{"select 1"};
    one.backend = std::make_unique<backend_state>(one.login);
    one.client(bind_msg("s") + execute() + sync_msg());
    CHECK(one.to_server ==
          parse("select 1", one.name) + bind_msg(one.name) + execute() + sync_msg());
    one.server(parsed() + bound() + complete() + ready());
    CHECK(names_of(one.to_client) == "2 C Z:I");
}

TEST_CASE("what a backend has is not parsed again, and the client does not see the difference") {
    prepared one{"select 1"};
    one.client(parse("select 1", "t") + bind_msg("t") + execute() + sync_msg());
    CHECK(one.to_server ==
          close_of("pgballast_nothing") + bind_msg(one.name) + execute() + sync_msg());
    one.server(closed() + bound() + complete() + ready());
    CHECK(names_of(one.to_client) == "1 2 C Z:I");
}

TEST_CASE("an error of a Parse in front is the client's") {
    prepared one{"select 1"};
    one.backend = std::make_unique<backend_state>(one.login);
    one.client(bind_msg("s") + execute() + sync_msg());
    one.server(error("42P01") + ready());
    CHECK(names_of(one.taken_by_client()) == "E:42P01 Z:I");
    one.taken_by_server();
    one.client(bind_msg("s") + sync_msg());  // tried again
    CHECK(one.to_server == parse("select 1", one.name) + bind_msg(one.name) + sync_msg());
}

TEST_CASE("Close of a shared statement leaves it to the others") {
    prepared one{"select 1"};
    one.client(close_of("s") + sync_msg());
    CHECK(one.taken_by_server() == close_of("s") + sync_msg());
    one.server(closed() + ready());
    CHECK(names_of(one.taken_by_client()) == "3 Z:I");
    one.client(bind_msg("s") + sync_msg());
    CHECK(one.to_server == bind_msg("s") + sync_msg());  // the server's to refuse
}

TEST_CASE("a name that is taken is told by the client's own name") {
    prepared one{"select 1"};
    one.client(parse("select 2", "s") + sync_msg());
    CHECK(one.to_server == parse("select 2", one.name) + sync_msg());
    std::string told;
    const auto text = "prepared statement \"" + one.name + "\" already exists";
    wire::append_error(told, {"ERROR", "42P05", text, "detail"});
    one.server(told + ready());
    std::string should;
    wire::append_error(should,
                       {"ERROR", "42P05", "prepared statement \"s\" already exists", "detail"});
    CHECK(one.to_client == should + ready());
}

TEST_CASE("DEALLOCATE of a statement of the protocol is answered without the server") {
    for (const bytes text : {"deallocate s", "DEALLOCATE PREPARE \"s\";"}) {
        prepared one{"select 1"};
        one.client(query(text));
        CHECK(one.to_server.empty());
        CHECK(names_of(one.taken_by_client()) == "C Z:I");
        one.client(bind_msg("s") + sync_msg());
        CHECK(one.to_server == bind_msg("s") + sync_msg());
    }
    prepared one{"select 1"};
    one.client(query("deallocate t"));
    CHECK(one.to_server == query("deallocate t"));
}

TEST_CASE("a DEALLOCATE that has failed takes nothing with it later") {
    prepared one{"select 1"};
    one.client(parse("deallocate s") + bind_msg() + execute() + sync_msg());
    one.server(parsed() + bound() + error("57014") + ready());
    one.client(query("deallocate of_sql"));
    one.server(complete("DEALLOCATE") + ready());
    one.taken_by_server();
    one.client(bind_msg("s") + sync_msg());
    CHECK(one.to_server == bind_msg(one.name) + sync_msg());
}

TEST_CASE("what a name means waits for an earlier Parse to be answered") {
    rig one;
    one.client(parse("selec", "s") + sync_msg());
    one.taken_by_server();
    one.client(bind_msg("s") + sync_msg());
    CHECK(one.to_server.empty());
    CHECK(one.waiting);
    one.server(error("42601") + ready());
    CHECK(one.to_server == bind_msg("s") + sync_msg());
    one.server(error("26000") + ready());
    CHECK(names_of(one.to_client) == "E:42601 Z:I E:26000 Z:I");
}

TEST_CASE("behind DISCARD ALL names wait, and mean nothing any more") {
    prepared one{"select 1"};
    one.client(query("discard all"));
    one.taken_by_server();
    one.client(parse("select 1", "s") + sync_msg());
    CHECK(one.to_server.empty());
    one.server(complete("DISCARD ALL") + ready());
    CHECK(one.to_server == parse("select 1", one.name) + sync_msg());
}

TEST_CASE("a loss answers what waits, too") {
    rig one;
    one.client(parse("select 1", "s") + sync_msg());
    one.client(bind_msg("s") + execute() + sync_msg());
    one.lose();
    CHECK(names_of(one.to_client) == "E:08007 Z:I E:08007 Z:I");
}

TEST_CASE(
    "a statement whose definition has changed runs afresh, if its client is told the new one") {
    const auto plain = bind_msg("s") + execute() + sync_msg();
    const auto described = bind_msg("s") + frame('D', {"P\0", 2}) + execute() + sync_msg();
    const auto changed = error("0A000", "cached plan must not change result type") + ready();
    const auto again = closed() + parsed();
    const auto answer = bound() + row_description() + row() + complete() + ready();

    prepared one{"select * from t"};
    one.client(described);
    one.taken_by_server();
    one.server(changed);
    CHECK(one.to_client.empty());
    CHECK(one.taken_by_server().find(parse("select * from t", one.name)) != std::string::npos);
    one.client(query("select 2"));
    one.server(again + answer);
    CHECK(one.taken_by_client() == answer);
    CHECK(one.to_server == query("select 2"));

    prepared in_vain{"select * from t"};
    in_vain.client(described);
    in_vain.server(changed);
    in_vain.server(again + changed);
    CHECK(names_of(in_vain.to_client) == "E:0A000 Z:I");

    prepared not_described{"select * from t"}, pipelined{"select * from t"}, in_block{"select 1"};
    not_described.client(plain);
    not_described.server(changed);
    CHECK(names_of(not_described.to_client) == "E:0A000 Z:I");
    pipelined.client(described + described);
    pipelined.server(changed);
    CHECK(names_of(pipelined.to_client) == "E:0A000 Z:I");
    in_block.client(query("begin"));
    in_block.server(complete("BEGIN") + ready('T'));
    in_block.taken_by_client();
    in_block.client(described);
    in_block.server(error("0A000", "cached plan must not change result type") + ready('E'));
    CHECK(names_of(in_block.to_client) == "E:0A000 Z:E");

    prepared lost{"select * from t"};
    lost.at.may_run_again = false;
    lost.client(described);
    lost.server(error("0A000", "cached plan must not change result type"));
    lost.lose();
    CHECK(names_of(lost.to_client) == "E:08007 Z:I");
    CHECK_FALSE(lost.failed);
}
