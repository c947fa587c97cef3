// Cutting and naming messages for the models; they share nothing with what they test
// but the frame.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::sim {

using wire::bytes;

/// What no round may show. Thrown where it is seen; the round fails with it. What stands
/// before a colon is the same for all failures of a kind.
struct broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct message {
    char type;
    std::string body;
};

/// Takes the first message off `in`, if it is whole.
inline std::optional<message> take_message(std::string& in) {
    const auto header = wire::decode_frame_header(in);
    if (!header)
        throw broken{"a frame of invalid length"};
    if (!*header || in.size() < (*header)->frame_size())
        return {};
    message one{(*header)->type, in.substr(wire::header_size, (*header)->body_size)};
    in.erase(0, (*header)->frame_size());
    return one;
}

inline std::string up_to_zero(bytes text) {
    return std::string{text.substr(0, text.find('\0'))};
}

/// The types of the messages in a piece of a stream, for logs: it may begin within one.
inline std::string shapes_of(bytes piece) {
    std::string shapes;
    while (!piece.empty()) {
        const auto header = wire::decode_frame_header(piece);
        shapes += piece.front();
        if (!header || !*header || (*header)->frame_size() > piece.size())
            return shapes + "…";
        piece.remove_prefix((*header)->frame_size());
    }
    return shapes;
}

inline void append(std::string& out, char type, bytes body = {}) {
    wire::message{out, type}.view(body);
}

}  // namespace pgballast::sim
