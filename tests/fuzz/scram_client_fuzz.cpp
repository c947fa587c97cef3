// What a server may send to a SCRAM client: its first message, a line feed, its
// final message.
#include <string>

#include "fuzz.hpp"
#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using fuzz::require;
using namespace std::string_view_literals;

namespace {

constexpr auto nonce = "rOprNGfwEbeRWgbNEkqO"sv;

/// A million iterations are allowed, and would take all the time of a run.
bool is_slow(std::string_view server_first) {
    const auto count = server_first.find(",i=");
    if (count == std::string_view::npos)
        return false;
    const auto digits = server_first.substr(count + 3);
    return digits.size() > 3 && digits.find_first_not_of("0123456789") > 3;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto server_final = fuzz::input(data, size);
    const auto server_first = fuzz::take_line(server_final);
    if (is_slow(server_first))
        return 0;

    auth::scram_client client{"pencil", {}, false, nonce};
    const auto answer = client.final(server_first);
    if (answer) {
        require(answer->starts_with("c=biws,r=" + std::string{nonce}));
        require(server_first.starts_with("r=" + std::string{nonce}));
        require(answer->size() <= 2048);
    }
    require(client.final(server_first).error() == auth::errc::out_of_order);

    const auto error = client.verify(server_final);
    require(answer || error == auth::errc::out_of_order);
    require(client.verified() == !error);
    require(client.verify(server_final) == auth::errc::out_of_order);
    require(client.verified() == !error);
    return 0;
}
