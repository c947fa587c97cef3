#include "../../../src/proxy/login/ways.hpp"

#include <catch2/catch.hpp>

using namespace pgballast;
using namespace std::chrono_literals;
using config::sslmode;
using pool::step;
using proxy::attempt_failure;
using proxy::ssl_answer;
using proxy::way;

TEST_CASE("sslmode says which way is tried first") {
    CHECK(proxy::first_way(sslmode::disable, false) == way::plain);
    CHECK(proxy::first_way(sslmode::allow, false) == way::plain);
    for (const auto mode :
         {sslmode::prefer, sslmode::require, sslmode::verify_ca, sslmode::verify_full}) {
        CHECK(proxy::first_way(mode, false) == way::tls);
        CHECK(proxy::first_way(mode, true) == way::plain);
    }
}

TEST_CASE("only allow and prefer know a second way, and only where it may help") {
    const attempt_failure turned_away{{}, step::login, way::plain, true};
    const attempt_failure turned_away_on_tls{{}, step::login, way::tls, true};
    const attempt_failure no_handshake{{}, step::tls, way::tls, false};
    const attempt_failure wrong_password{{}, step::login, way::tls, false};
    const attempt_failure unreachable{{}, step::connect, way::tls, false};

    CHECK(proxy::next_way(sslmode::allow, turned_away) == way::tls);
    CHECK_FALSE(proxy::next_way(sslmode::allow, turned_away_on_tls));
    CHECK(proxy::next_way(sslmode::prefer, turned_away_on_tls) == way::plain);
    CHECK(proxy::next_way(sslmode::prefer, no_handshake) == way::plain);
    CHECK_FALSE(proxy::next_way(sslmode::prefer, turned_away));  // the server had no TLS
    for (const auto mode : {sslmode::allow, sslmode::prefer}) {
        CHECK_FALSE(proxy::next_way(mode, wrong_password));
        CHECK_FALSE(proxy::next_way(mode, unreachable));
    }
    for (const auto mode :
         {sslmode::disable, sslmode::require, sslmode::verify_ca, sslmode::verify_full})
        for (const auto& failed : {turned_away, turned_away_on_tls, no_handshake})
            CHECK_FALSE(proxy::next_way(mode, failed));
}

TEST_CASE("the failure that came further is told") {
    const attempt_failure at_tls{{}, step::tls, way::tls, false};
    const attempt_failure at_login{{}, step::login, way::plain, true};
    CHECK(proxy::tells_more(at_login, at_tls));
    CHECK_FALSE(proxy::tells_more(at_tls, at_login));
    CHECK_FALSE(proxy::tells_more(at_login, at_login));
}

TEST_CASE("the answer to SSLRequest is one byte, and nothing else is an answer") {
    CHECK(proxy::read_ssl_answer("S") == ssl_answer::willing);
    CHECK(proxy::read_ssl_answer("N") == ssl_answer::unwilling);
    CHECK(proxy::read_ssl_answer("SR") == ssl_answer::injected);
    CHECK(proxy::read_ssl_answer("NR") == ssl_answer::injected);
    CHECK(proxy::read_ssl_answer("E") == ssl_answer::broken);
    CHECK(proxy::read_ssl_answer("Ecould not fork") == ssl_answer::broken);
    CHECK(proxy::read_ssl_answer("HTTP/1.1") == ssl_answer::broken);
}

TEST_CASE("an address that does not answer leaves time to the others") {
    const std::chrono::steady_clock::time_point now{100s};
    CHECK(proxy::connect_until(now, now + 15s, 1) == now + 15s);
    CHECK(proxy::connect_until(now, now + 15s, 3) == now + 5s);
    CHECK(proxy::connect_until(now, now + 15s, 100) == now + 2s);
    CHECK(proxy::connect_until(now, now + 1s, 3) == now + 1s);
    CHECK(proxy::connect_until(now, now + 15s, 0) == now + 15s);
    CHECK(proxy::connect_until(now, now - 1s, 3) == now - 1s);
}
