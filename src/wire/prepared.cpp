#include "pgballast/wire/prepared.hpp"

#include <algorithm>
#include <boost/endian/conversion.hpp>
#include <cassert>

#include "pgballast/wire/reader.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::wire {
namespace {

using boost::system::error_code;

bool says_its_kind(char type) noexcept {
    return type == 'D' || type == 'C';
}

error_code read_described(reader& in, subject& found) {
    const auto kind = in.u8();
    if (!in.good())
        return {};
    if (kind != 'S' && kind != 'P')
        return make_error_code(errc::bad_message_type);
    auto& name = kind == 'S' ? found.statement : found.portal;
    name = in.cstring();
    const bool longer = found.header.body_size != name->size() + 2;
    return in.good() && longer ? make_error_code(errc::trailing_bytes) : error_code{};
}

/// What `in` itself lacks, it knows.
error_code read_names(reader& in, subject& found) {
    switch (found.header.type) {
        case 'P':
            found.statement = in.cstring();
            return {};
        case 'B':
            found.portal = in.cstring();
            found.statement = in.cstring();
            return {};
        case 'E':
            found.portal = in.cstring();
            return {};
        case 'D':
        case 'C':
            return read_described(in, found);
        default:
            return {};
    }
}

std::size_t front_size(const subject& of) noexcept {
    return header_size + (says_its_kind(of.header.type) ? 1 : 0) +
           (of.portal ? of.portal->size() + 1 : 0) + (of.statement ? of.statement->size() + 1 : 0);
}

}  // namespace

boost::system::result<std::optional<subject>> decode_subject(bytes in, std::uint32_t body_max) {
    const auto header = decode_frame_header(in, body_max);
    if (!header)
        return header.error();
    if (!*header)
        return std::optional<subject>{};

    subject found{**header, {}, {}, 0};
    const auto look_at = std::min<std::size_t>(found.header.body_size, names_max);
    const auto seen = in.substr(header_size, look_at);
    reader body{seen};
    if (const auto error = read_names(body, found))
        return error;
    if (!body.good()) {
        if (seen.size() < look_at)
            return std::optional<subject>{};
        return look_at < found.header.body_size ? make_error_code(errc::name_too_long)
                                                : body.finish();
    }
    found.size = front_size(found);
    return std::optional{found};
}

void append_renamed_front(std::string& out, const subject& of, bytes statement) {
    assert(of.statement);
    const auto begin = out.size();
    {
        message front{out, of.header.type};
        if (says_its_kind(of.header.type))
            front.u8('S');
        if (of.portal)
            front.cstring(*of.portal);
        front.cstring(statement);
    }
    // The length is that of the whole message, not of its front.
    const auto length = out.size() - begin - 1 + of.header.frame_size() - of.size;
    boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(out.data() + begin + 1),
                                 static_cast<std::uint32_t>(length));
}

boost::system::result<parse_fields> decode_parse(bytes body) {
    reader in{body};
    parse_fields fields;
    fields.name = in.cstring();
    fields.text = in.cstring();
    const auto types = static_cast<std::uint16_t>(in.i16());
    in.view(std::size_t{types} * 4);
    if (const auto error = in.finish())
        return error;
    fields.definition = body.substr(fields.name.size() + 1);
    return fields;
}

bytes query_text(bytes definition) noexcept {
    return definition.substr(0, definition.find('\0'));
}

std::vector<std::uint32_t> parameter_types(bytes definition) {
    reader in{definition};
    in.cstring();
    std::vector<std::uint32_t> types(static_cast<std::uint16_t>(in.i16()));
    for (auto& type : types)
        type = static_cast<std::uint32_t>(in.i32());
    return types;
}

void append_parse(std::string& out, bytes name, bytes definition) {
    message{out, 'P'}.cstring(name).view(definition);
}

void append_close_statement(std::string& out, bytes name) {
    message{out, 'C'}.u8('S').cstring(name);
}

}  // namespace pgballast::wire
