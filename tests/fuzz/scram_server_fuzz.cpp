// What a client may send to a SCRAM server: the mechanism, its first and its final
// message, with line feeds between. A binding is offered to a mechanism that begins
// with a plus sign, which is taken off.
#include <string>

#include "fuzz.hpp"
#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using fuzz::require;
using namespace std::string_view_literals;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // The exchange of RFC 7677.
    static const auto verifier = auth::parse_scram_verifier(
                                     "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi"
                                     "4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxS"
                                     "rmfPwDl2dU=")
                                     .value();
    constexpr auto nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"sv;

    auto client_final = fuzz::input(data, size);
    auto mechanism = fuzz::take_line(client_final);
    const auto client_first = fuzz::take_line(client_final);
    const bool offered = mechanism.starts_with('+');
    if (offered)
        mechanism.remove_prefix(1);

    auth::scram_server server{verifier, offered ? "a hash"sv : ""sv, nonce};
    const auto challenge = server.first(mechanism, client_first);
    if (challenge) {
        require(challenge->size() <= 2048);
        require(offered || mechanism == "SCRAM-SHA-256");
    }
    require(server.first(mechanism, client_first).error() == auth::errc::out_of_order);

    const auto signature = server.final(client_final);
    require(challenge || signature.error() == auth::errc::out_of_order);
    // Nothing that is not the whole of the challenge's nonce is let in.
    if (signature)
        require(client_final.find(",r=" + challenge->substr(2, challenge->find(",s=") - 2)) !=
                std::string_view::npos);
    require(server.final(client_final).error() == auth::errc::out_of_order);
    return 0;
}
