// The first packet of a connection. PostgreSQL protocol 3.0, "Start-up".
#pragma once

#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::wire {

/// PostgreSQL's own bound on the first packet (MAX_STARTUP_PACKET_LENGTH).
inline constexpr std::uint32_t startup_size_max = 10000;

inline constexpr std::int32_t protocol_3_0 = 3 << 16;
inline constexpr std::int32_t cancel_request_code = (1234 << 16) | 5678;
inline constexpr std::int32_t ssl_request_code = (1234 << 16) | 5679;
inline constexpr std::int32_t gssenc_request_code = (1234 << 16) | 5680;

struct ssl_request {};
struct gssenc_request {};

struct cancel_request {
    std::int32_t pid;
    std::string key;  // 4 bytes in protocol 3.0, up to 256 in 3.2
};

struct startup_message {
    std::int32_t protocol;  // as asked for; a higher minor version is negotiated down
    std::vector<std::pair<std::string, std::string>> parameters;  // in order, names unique

    /// The value of a parameter, or an empty view.
    bytes get(bytes name) const noexcept;

    /// Names beginning with `_pq_.`: protocol options, which 3.0 does not know.
    std::vector<std::string> protocol_options() const;
};

using startup_packet = std::variant<ssl_request, gssenc_request, cancel_request, startup_message>;

struct startup_decoded {
    startup_packet packet;
    std::size_t size;  // bytes used at the front of the input
};

/// Decodes the packet at the front of `in`; nothing while it is not whole.
///
/// Errors: `errc::bad_length` (below 8 or above `startup_size_max`, said as soon
/// as the length word is there), `errc::unknown_protocol` (any major version but
/// 3), `errc::duplicate_parameter`, and those of a malformed body. A missing
/// user is not an error here.
boost::system::result<std::optional<startup_decoded>> decode_startup(bytes in);

std::string encode_startup(const startup_message& message);
std::string encode_cancel_request(const cancel_request& request);
std::string encode_ssl_request();

}  // namespace pgballast::wire
