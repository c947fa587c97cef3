#include "pgballast/wire/startup.hpp"

#include <algorithm>
#include <cassert>

#include "pgballast/wire/reader.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::wire {
namespace {

constexpr std::uint32_t cancel_key_size_max = 256;  // protocol 3.2

boost::system::result<startup_packet> decode_cancel(reader& body) {
    const auto pid = body.i32();
    const auto key = body.rest();
    if (!body.good() || key.size() < 4 || key.size() > cancel_key_size_max)
        return make_error_code(errc::bad_length);
    return cancel_request{pid, std::string{key}};
}

boost::system::result<startup_packet> decode_parameters(std::int32_t protocol, reader& body) {
    startup_message message{protocol, {}};
    for (;;) {
        const auto name = body.cstring();
        if (!body.good() || name.empty())
            break;
        const auto value = body.cstring();
        const auto same = [&](const auto& other) { return other.first == name; };
        if (std::ranges::any_of(message.parameters, same))
            return make_error_code(errc::duplicate_parameter);
        message.parameters.emplace_back(name, value);
    }
    if (const auto error = body.finish())
        return error;
    return message;
}

boost::system::result<startup_packet> decode_body(bytes whole) {
    reader body{whole};
    const auto code = body.i32();
    switch (code) {
        case ssl_request_code:
        case gssenc_request_code:
            if (!body.empty())
                return make_error_code(errc::bad_length);
            if (code == ssl_request_code)
                return ssl_request{};
            return gssenc_request{};
        case cancel_request_code:
            return decode_cancel(body);
        default:
            if (code >> 16 != 3)
                return make_error_code(errc::unknown_protocol);
            return decode_parameters(code, body);
    }
}

}  // namespace

bytes startup_message::get(bytes name) const noexcept {
    for (const auto& [key, value] : parameters)
        if (key == name)
            return value;
    return {};
}

std::vector<std::string> startup_message::protocol_options() const {
    std::vector<std::string> names;
    for (const auto& [name, value] : parameters)
        if (name.starts_with("_pq_."))
            names.push_back(name);
    return names;
}

boost::system::result<std::optional<startup_decoded>> decode_startup(bytes in) {
    if (in.size() < 4)
        return std::optional<startup_decoded>{};
    const auto size =
        boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(in.data()));
    if (size < 8 || size > startup_size_max)
        return make_error_code(errc::bad_length);
    if (in.size() < size)
        return std::optional<startup_decoded>{};

    auto packet = decode_body(in.substr(4, size - 4));
    if (!packet)
        return packet.error();
    return std::optional<startup_decoded>{{std::move(*packet), size}};
}

std::string encode_startup(const startup_message& startup) {
    std::string out;
    {
        message packet{out};
        packet.i32(startup.protocol);
        for (const auto& [name, value] : startup.parameters) {
            assert(!name.empty());  // would end the list
            packet.cstring(name).cstring(value);
        }
        packet.u8(0);
    }
    return out;
}

std::string encode_cancel_request(const cancel_request& request) {
    std::string out;
    message{out}.i32(cancel_request_code).i32(request.pid).view(request.key);
    return out;
}

std::string encode_ssl_request() {
    std::string out;
    message{out}.i32(ssl_request_code);
    return out;
}

}  // namespace pgballast::wire
