// The first packet of a connection, from anybody who can connect.
#include <string>

#include "fuzz.hpp"
#include "pgballast/wire/startup.hpp"

using namespace pgballast;
using fuzz::require;

namespace {

/// The packet written again; empty for one that is never sent.
struct rewrite {
    std::string operator()(const wire::startup_message& message) const {
        return wire::encode_startup(message);
    }
    std::string operator()(const wire::cancel_request& request) const {
        return wire::encode_cancel_request(request);
    }
    std::string operator()(wire::ssl_request) const { return wire::encode_ssl_request(); }
    std::string operator()(wire::gssenc_request) const { return {}; }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::input(data, size);
    const auto decoded = wire::decode_startup(in);
    if (!decoded || !*decoded)
        return 0;

    const auto& [packet, used] = **decoded;
    require(used >= 8 && used <= wire::startup_size_max && used <= in.size());
    const auto shorter = wire::decode_startup(in.substr(0, used - 1));
    require(shorter && !*shorter);

    const auto again = std::visit(rewrite{}, packet);
    require(again.empty() || again == in.substr(0, used));
    return 0;
}
