#include "pgballast/net/socket_state.hpp"

#include "engine_fixture.hpp"

using namespace pgballast::net;
using namespace pgballast::net::test;

TEST_CASE("a peer is named by its address, or as a Unix socket") {
    const auto tcp = tcp_pair();
    sockaddr_in where{};
    socklen_t size = sizeof where;
    REQUIRE(getsockname(tcp.theirs.fd(), reinterpret_cast<sockaddr*>(&where), &size) == 0);
    CHECK(peer_of(tcp.ours) == "127.0.0.1:" + std::to_string(ntohs(where.sin_port)));
    close(tcp.ours);

    const auto local = unix_pair();
    CHECK(peer_of(local.ours) == "unix");
    close(local.ours);
    CHECK(peer_of(-1).empty());
}

TEST_CASE("nobody owes an answer where nothing was said, nor where there is no TCP") {
    const auto tcp = tcp_pair();
    CHECK(unanswered_for(tcp.ours) == 0ms);
    close(tcp.ours);
    CHECK(unanswered_for(-1) == 0ms);
}
