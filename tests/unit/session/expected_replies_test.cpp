#include "pgballast/session/expected_replies.hpp"

#include <catch2/catch.hpp>
#include <string>

using pgballast::session::expected_replies;
using verdict = expected_replies::verdict;

namespace {

/// Plays "PBES|12CZ": what is sent, `|`, what arrives, `|`, what is sent …, and tells
/// of the first reply that was not expected.
std::string play(expected_replies& list, const std::string& script) {
    bool arrives = false;
    for (std::size_t at = 0; at < script.size(); ++at) {
        if (script[at] == '|') {
            arrives = !arrives;
            continue;
        }
        if (!arrives)
            list.sent(script[at]);
        else if (list.arrived(script[at]) != verdict::relay)
            return "not expected at " + std::to_string(at) + ": " + script[at];
    }
    return "as expected";
}

void check_done(const std::string& script) {
    CAPTURE(script);
    expected_replies list;
    CHECK(play(list, script) == "as expected");
    CHECK(list.all_done());
    CHECK(list.empty());
    CHECK_FALSE(list.ready_owed());
    CHECK_FALSE(list.error_told());
    CHECK_FALSE(list.copying_in());
    CHECK(list.arrived('Z') == verdict::violation);
}

void check_open(const std::string& script) {
    CAPTURE(script);
    expected_replies list;
    CHECK(play(list, script) == "as expected");
    CHECK_FALSE(list.all_done());
}

void check_violation(const std::string& script) {
    CAPTURE(script);
    expected_replies list;
    CHECK(play(list, script) ==
          "not expected at " + std::to_string(script.size() - 1) + ": " + script.back());
}

}  // namespace

TEST_CASE("a simple query ends with ReadyForQuery, whatever came before it") {
    check_done("Q|TDDCZ");
    check_done("Q|IZ");
    check_done("Q|CCTDCZ");
    check_done("Q|EZ");
    check_done("Q|TDEZ");
    check_done("QQ|TDCZEZ");
    check_open("Q|TDC");
    check_open("Q|E");
    check_open("QQ|TDCZ");
}

TEST_CASE("each extended request has its own end, and the segment its Sync") {
    check_done("PBDES|12TDDCZ");
    check_done("PBDES|12nCZ");
    check_done("PDS|1tTZ");
    check_done("PDS|1tnZ");
    check_done("CS|3Z");
    check_done("BES|2IZ");
    check_done("BES|2DsZ|EES|DsDCZ");
    check_done("PH|1|BEH|2DC|S|Z");
    check_done("S|Z");
    check_done("SS|ZZ");
    check_open("PBE|12C");  // its Sync will commit
    check_open("PH|1");
    check_open("P");
    check_open("PBES|12C");
}

TEST_CASE("after an error the server reads up to the next Sync") {
    check_done("PBES|EZ");
    check_done("PBES|1EZ");
    check_done("PBES|12DEZ");
    check_done("PBES|12CEZ");  // the commit failed
    check_done("PBE|E|BES|Z");
    check_done("P|E|QFS|Z");  // skipped
    check_done("PBEPBES|12CEZ");
    check_done("PBESPBES|1EZ12CZ");
    check_done("PBESQ|EZTDCZ");
    check_done("PQS|EZ");
    check_open("PBE|12E");
    check_open("PBE|12E|PBE");
    check_open("PQ|E");
    check_open("PBESPBES|EZ");
}

TEST_CASE("a simple query ends the segment before it") {
    check_done("PQ|1TDCZ");
    check_done("PBEQ|12CCZ");
    check_done("PBEQS|12CCZZ");
    check_done("PQ|1EZ");
}

TEST_CASE("a function call is answered by its result and ReadyForQuery") {
    check_done("F|VZ");
    check_done("F|EZ");
    check_open("F|V");
    check_violation("Q|V");
    check_violation("F|C");
}

TEST_CASE("a COPY is a part of its request") {
    check_done("Q|HddcCZ");
    check_done("PBES|12HdcCZ");
    check_done("Q|G|ddc|CZ");
    check_done("Q|G|df|EZ");
    check_done("Q|G|c|CG|c|CZ");  // two in one text
    check_done("Qcc|GCGCZ");      // both sent blind
    check_done("Qddc|GCZ");
    check_done("Q|EZ|ddc");  // it failed before it began
    check_done("Q|G|d|E|dc|Z");
    check_done("Qc|EZ");
    check_open("Q|G");
    check_open("Q|G|c|C");
}

TEST_CASE("a server that copies in ignores Sync") {
    check_done("PBE|12G|dc|C|S|Z");
    check_done("PBES|12G|dcS|CZ");  // as libpq does
    check_done("PBES|12G|dc|C|S|Z");
    check_done("PBESS|12G|dcS|CZ");
    check_done("PBES|12G|dSHdcS|CZ");
    check_done("PBESdcS|12GCZ");
    check_done("QS|G|c|CZ");
    check_open("PBES|12G");
    check_open("PBES|12G|dc");
    check_open("PBES|12G|dc|C");  // the one Sync was ignored
    check_open("PBESdc|12GC");
}

TEST_CASE("a COPY that failed before it read anything leaves the Syncs to be answered") {
    check_done("PBES|12GEZ");
    check_done("PBES|12GE|dcS|ZZ");  // two Syncs, two replies
    check_done("PBES|12GEZ|dcS|Z");
    check_done("QS|GEZZ");
    check_done("PBE|12GE|S|Z");
    check_open("PBE|12GE");
}

TEST_CASE("a COPY that failed later leaves the Syncs in doubt until a later reply") {
    for (const std::string failed :
         {"PBES|12G|d|E", "PBES|12G|dc|E", "PBES|12G|dSd|E", "PBES|12G|f|E"}) {
        check_open(failed + "|dcS|Z");         // perhaps another Z is due
        check_done(failed + "|dcS|Z|Q|TDCZ");  // it was not
        check_done(failed + "|dcS|Z|PBES|12CZ");
        check_done(failed + "|dcS|Z|PBES|EZ");
        check_open(failed + "|dcS|Z|S");
    }
    check_done("PBES|12G|d|E|dcS|ZZ");  // it was
    check_done("PBES|12G|d|E|dcS|ZZ|Q|CZ");
    check_done("PBES|12G|d|EZ");  // libpq's only Sync, before the COPY ended
    check_done("PBES|12G|d|EZ|PBES|12CZ");

    expected_replies list;
    play(list, "PBES|12G|d|E|dcS|Z");
    CHECK_FALSE(list.owes());
    CHECK_FALSE(list.empty());
}

TEST_CASE("a request where COPY data is due cannot be accounted for") {
    check_violation("QQ|G");
    check_violation("PBEP|12G");
    check_violation("PBESP|12G");
}

TEST_CASE("a reply that nobody asked for is told") {
    for (const char reply : std::string{"ETDCZI123ntsVGHdc?RKW"}) {
        expected_replies list;
        CAPTURE(reply);
        CHECK(list.arrived(reply) == verdict::violation);
    }
    for (const auto* script :
         {"P|2", "P|Z", "B|1", "D|C", "E|T", "E|1", "C|1", "S|C",   "S|D", "S|1", "Q|1", "Q|n",
          "Q|s", "Q|t", "B|t", "P|D", "D|D", "D|G", "S|G", "Q|CZZ", "F|T", "Q|R", "Q|K", "Q|W"})
        check_violation(script);
}

TEST_CASE("replies to a query of our own are swallowed up to its ReadyForQuery") {
    for (const std::string replies : {"CZ", "TDCCZ", "EZ", "IZ"}) {
        CAPTURE(replies);
        expected_replies list;
        list.sent_own_query();
        CHECK(list.front_is_own());
        CHECK_FALSE(list.ready_owed());
        play(list, "PBES");
        for (const char reply : replies)
            CHECK(list.arrived(reply) == verdict::swallow);
        CHECK_FALSE(list.error_told());
        CHECK(play(list, "|12CZ") == "as expected");
        CHECK(list.all_done());
    }
}

TEST_CASE("what is left at a loss is what the client waits for") {
    expected_replies list;
    list.sent_own_query();
    CHECK(play(list, "Q") == "as expected");
    list.settle();
    CHECK(list.front() == 'Q');
    CHECK(list.size() == 1);

    list.clear();
    CHECK(list.all_done());
    CHECK(play(list, "PBES|12G|d") == "as expected");
    list.settle();
    CHECK(list.front() == 'E');
    CHECK(list.segment_open());  // a Sync has to follow
}

TEST_CASE("an error is told once a request or segment") {
    expected_replies list;
    play(list, "PBES|1E");
    CHECK(list.error_told());
    play(list, "|Z");
    CHECK_FALSE(list.error_told());
    play(list, "Q|TE");
    CHECK(list.error_told());
    play(list, "Q|Z");
    CHECK_FALSE(list.error_told());
}

TEST_CASE("a client pipelines when a reply is owed to it") {
    expected_replies list;
    play(list, "PBE");
    CHECK_FALSE(list.ready_owed());
    play(list, "S");
    CHECK(list.ready_owed());
    play(list, "|12CZ");
    CHECK_FALSE(list.ready_owed());
    play(list, "PBES|12G");
    CHECK_FALSE(list.ready_owed());
}

TEST_CASE("a long pipeline stays bounded and is counted right") {
    expected_replies list;
    for (std::size_t sent = 0; sent < 100'000; ++sent) {
        list.sent('Q');
        if (sent >= 100) {
            REQUIRE(list.arrived('C') == verdict::relay);
            REQUIRE(list.arrived('Z') == verdict::relay);
        }
    }
    CHECK(list.size() == 100);
    CHECK_FALSE(list.full());
    for (; !list.full();)
        list.sent('P');
    CHECK(list.size() == expected_replies::max);
}
