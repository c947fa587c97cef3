// Whole messages off a stream.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/system/result.hpp>
#include <string>

#include "event.hpp"
#include "pgballast/wire/frame.hpp"
#include "pgballast/wire/startup.hpp"

namespace neonsim {

namespace wire = pgballast::wire;

struct message {
    char type = 0;
    std::string body;
};

/// Fills `into`; returns what went wrong instead of throwing it.
template <class Stream>
task<boost::system::error_code> read_exactly(Stream& stream, char* into, std::size_t size) {
    boost::system::error_code error;
    const auto room = asio::buffer(into, size);
    co_await asio::async_read(stream, room, asio::redirect_error(asio::use_awaitable, error));
    co_return error;
}

/// Reads one message. Errors: the stream's, and `wire::errc::bad_length` for a body
/// above `body_max`.
template <class Stream>
task<boost::system::result<message>> read_message(Stream& stream, std::uint32_t body_max) {
    std::string octets(wire::header_size, '\0');
    const auto missing = co_await read_exactly(stream, octets.data(), octets.size());
    if (missing)
        co_return missing;
    const auto header = wire::decode_frame_header(octets, body_max);
    if (!header)
        co_return header.error();

    message whole{(*header)->type, std::string((*header)->body_size, '\0')};
    const auto rest_missing = co_await read_exactly(stream, whole.body.data(), whole.body.size());
    if (rest_missing)
        co_return rest_missing;
    co_return whole;
}

/// Reads a packet of the start-up phase, and not a byte behind it: what follows an
/// SSLRequest belongs to TLS.
template <class Stream>
task<boost::system::result<wire::startup_packet>> read_startup(Stream& stream) {
    std::string octets(4, '\0');
    const auto missing = co_await read_exactly(stream, octets.data(), octets.size());
    if (missing)
        co_return missing;
    const auto length_word = wire::decode_startup(octets);  // bad ones are known from here on
    if (!length_word)
        co_return length_word.error();

    octets.resize(
        boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(octets.data())));
    const auto rest_missing = co_await read_exactly(stream, octets.data() + 4, octets.size() - 4);
    if (rest_missing)
        co_return rest_missing;
    auto decoded = wire::decode_startup(octets);
    if (!decoded)
        co_return decoded.error();
    co_return std::move((*decoded)->packet);
}

}  // namespace neonsim
