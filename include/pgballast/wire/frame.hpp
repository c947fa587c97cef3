// The frame every message after start-up travels in: one type byte, a length
// word that counts itself, the body. PostgreSQL protocol 3.0, "Message Formats".
#pragma once

#include <boost/endian/conversion.hpp>
#include <boost/system/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pgballast/wire/error.hpp"

namespace pgballast::wire {

/// Octets of the protocol. A view: it lives as long as the buffer behind it.
using bytes = std::string_view;

inline constexpr std::size_t header_size = 5;

/// PostgreSQL's own bound on one message (PQ_LARGE_MESSAGE_LIMIT).
inline constexpr std::uint32_t body_size_max = 0x3fffffff - 4;

struct frame_header {
    char type;
    std::uint32_t body_size;

    std::size_t frame_size() const noexcept { return header_size + body_size; }
};

/// Reads the header at the front of `in`; nothing while fewer than 5 bytes are there.
///
/// Errors: `errc::bad_length` for a length word below 4 or a body above `body_max`.
inline boost::system::result<std::optional<frame_header>> decode_frame_header(
    bytes in, std::uint32_t body_max = body_size_max) {
    if (in.size() < header_size)
        return std::optional<frame_header>{};

    const auto length =
        boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(in.data() + 1));
    if (length < 4 || length - 4 > body_max)  // the length word counts itself
        return make_error_code(errc::bad_length);

    return std::optional<frame_header>{{in[0], length - 4}};
}

}  // namespace pgballast::wire
