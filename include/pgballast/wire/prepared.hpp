// Prepared statements on the wire: which statement a message of the extended protocol
// speaks of, and the same message under another name.
// PostgreSQL protocol 3.0, "Extended Query" and "Message Formats".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::wire {

/// Bytes that the names of one message may take up, terminators included. PostgreSQL bounds
/// them by the message only, and tells them apart by their first 63 bytes.
inline constexpr std::size_t names_max = 64 * 1024;

/// What a message of the frontend speaks of. The names are views into its bytes; the
/// empty one is that of the unnamed statement or portal.
struct subject {
    frame_header header;
    std::optional<bytes> portal;     // Bind, Execute, Describe P, Close P
    std::optional<bytes> statement;  // Parse, Bind, Describe S, Close S
    std::size_t size;                // of the front: the header and the names
};

/// Reads the names at the front of a message. `in` begins with its header and may be cut
/// off anywhere, or go on with other messages; nothing is returned while the names are not
/// whole. Messages that are none of the above have no names.
///
/// Errors: those of `decode_frame_header`; `errc::name_too_long` above `names_max`;
/// `errc::missing_terminator` and `errc::truncated` where the body ends before its names do,
/// `errc::trailing_bytes` where that of Describe or Close goes on behind them;
/// `errc::bad_message_type` for Describe and Close of what is neither 'S' nor 'P'.
boost::system::result<std::optional<subject>> decode_subject(
    bytes in, std::uint32_t body_max = body_size_max);

/// Appends the front of the message with `statement` in the place of its statement's name.
/// It replaces the first `of.size` bytes; what is behind them stays as it is. The message
/// must speak of a statement. One of nearly `body_size_max` may become larger than that:
/// the server refuses it.
void append_renamed_front(std::string& out, const subject& of, bytes statement);

/// Parse, taken apart. Views into its body.
struct parse_fields {
    bytes name;
    bytes text;        // of the query
    bytes definition;  // all behind the name: the text, its terminator, the parameters' types
};

/// Errors: `errc::missing_terminator`, `errc::truncated`, `errc::trailing_bytes`.
boost::system::result<parse_fields> decode_parse(bytes body);

/// The query in a `parse_fields::definition`, which must have been decoded.
bytes query_text(bytes definition) noexcept;

/// … and its parameters' types, by their OIDs; 0: to be found out. Of a Query's text none.
std::vector<std::uint32_t> parameter_types(bytes definition);

/// Appends a Parse of that name; `definition` is that of another Parse.
void append_parse(std::string& out, bytes name, bytes definition);
void append_close_statement(std::string& out, bytes name);

}  // namespace pgballast::wire
