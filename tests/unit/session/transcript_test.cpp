#include "pgballast/session/transcript.hpp"

#include <catch2/catch.hpp>

#include "messages.hpp"

using namespace pgballast::session;
using namespace pgballast::session::test;

TEST_CASE("requests are kept until all is answered and no transaction is open") {
    const auto begin = query("begin"), select = query("select 1");
    transcript one;
    one.asked(begin);
    CHECK((one.unanswered() == begin && one.transaction() == begin));
    one.told('C', complete("BEGIN"));
    CHECK((one.so_far().completed && one.so_far().size == complete("BEGIN").size()));
    one.ready(true, true);
    one.asked(select);
    CHECK((one.unanswered() == select && one.transaction() == begin + select));
    CHECK((one.so_far().size == 0 && one.digests().size() == 1));
    one.told('D', row());
    CHECK((one.so_far().rows && !one.so_far().completed));
    one.ready(true, true);
    CHECK((one.unanswered().empty() && one.transaction() == begin + select));
    one.ready(false, true);
    CHECK((one.transaction().empty() && one.digests().empty()));
}

TEST_CASE("of a pipeline what is answered is no longer unanswered") {
    const auto first = query("select 1"), second = query("select 2");
    transcript one;
    one.asked(first + second);
    one.ready(false, false);
    CHECK((one.unanswered() == second && one.transaction() == second));
}

TEST_CASE("the data of a COPY cannot be asked for again, what comes behind it can") {
    const auto begin = query("begin"), copy = query("copy t from stdin");
    transcript one;
    one.asked(begin);
    one.ready(true, true);
    one.asked(copy);
    one.copies();
    CHECK_FALSE(one.complete());
    CHECK((one.transaction_complete() && one.transaction() == begin + copy));
    one.asked(query("select 1"));
    one.ready(true, false);
    CHECK_FALSE(one.complete());
    one.ready(true, true);
    CHECK((one.complete() && one.unanswered().empty()));
    CHECK(one.transaction() == begin + copy + query("select 1"));
}

TEST_CASE("too much is not kept, and the transaction is incomplete to its end") {
    transcript one;
    one.asked(query("begin"));
    one.ready(true, true);
    one.asked(std::string(transcript::max, 'x'));
    CHECK((!one.complete() && !one.transaction_complete() && one.transaction().empty()));
    one.asked(query("select 1"));
    CHECK(one.transaction().empty());
    one.ready(true, true);
    one.asked(query("select 2"));
    CHECK((one.complete() && one.unanswered() == query("select 2")));
    CHECK_FALSE(one.transaction_complete());
    one.ready(false, true);
    CHECK(one.transaction_complete());
}

TEST_CASE("what comes at any time is no reply") {
    transcript one;
    one.asked(query("select 1"));
    one.told('N', notice("01000"));
    one.told('A', notification());
    CHECK((one.so_far().size == 0 && !one.so_far().parameters));
    one.told('S', status("TimeZone", "CET"));
    CHECK((one.so_far().size == 0 && one.so_far().parameters));
}
