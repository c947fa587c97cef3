#include "pgballast/wire/messages.hpp"

#include "pgballast/wire/reader.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::wire {
namespace {

bytes up_to_zero(bytes text) {
    return text.substr(0, text.find('\0'));
}

void append_field(message& out, char code, bytes text) {
    if (!text.empty())
        out.u8(static_cast<std::uint8_t>(code)).cstring(up_to_zero(text));
}

void append_report(std::string& out, char type, const error_message& report) {
    message body{out, type};
    append_field(body, 'S', report.severity);
    append_field(body, 'V', report.severity);
    append_field(body, 'C', report.sqlstate);
    append_field(body, 'M', report.message);
    append_field(body, 'D', report.detail);
    append_field(body, 'H', report.hint);
    body.u8(0);
}

}  // namespace

error_fields decode_error_fields(bytes body) noexcept {
    error_fields fields;
    reader in{body};
    for (auto code = in.u8(); in.good() && code != 0; code = in.u8()) {
        const auto value = in.cstring();
        if (!in.good())
            break;
        switch (code) {
            case 'S':
                if (fields.severity.empty())
                    fields.severity = value;
                break;
            case 'V':
                fields.severity = value;
                break;
            case 'C':
                fields.sqlstate = value;
                break;
            case 'M':
                fields.message = value;
                break;
            case 'D':
                fields.detail = value;
                break;
            case 'H':
                fields.hint = value;
                break;
            default:
                break;
        }
    }
    return fields;
}

void append_error(std::string& out, const error_message& error) {
    append_report(out, 'E', error);
}

void append_notice(std::string& out, const error_message& notice) {
    append_report(out, 'N', notice);
}

boost::system::result<parameter_status> decode_parameter_status(bytes body) {
    reader in{body};
    parameter_status status{in.cstring(), in.cstring()};
    if (const auto error = in.finish())
        return error;
    return status;
}

void append_parameter_status(std::string& out, bytes name, bytes value) {
    message{out, 'S'}.cstring(up_to_zero(name)).cstring(up_to_zero(value));
}

boost::system::result<backend_key> decode_backend_key(bytes body) {
    constexpr std::size_t key_size_max = 256;  // protocol 3.2; 4 bytes in 3.0
    reader in{body};
    const auto pid = in.i32();
    const auto key = in.rest();
    if (!in.good() || key.size() < 4 || key.size() > key_size_max)
        return make_error_code(errc::bad_length);
    return backend_key{pid, std::string{key}};
}

void append_backend_key(std::string& out, std::int32_t pid, bytes key) {
    message{out, 'K'}.i32(pid).view(key);
}

boost::system::result<txn> decode_ready_for_query(bytes body) {
    if (body.size() != 1)
        return make_error_code(errc::bad_length);
    const auto status = static_cast<txn>(body.front());
    if (status != txn::idle && status != txn::open && status != txn::failed)
        return make_error_code(errc::bad_message_type);
    return status;
}

void append_ready_for_query(std::string& out, txn status) {
    message{out, 'Z'}.u8(static_cast<std::uint8_t>(status));
}

boost::system::result<authentication> decode_authentication(bytes body) {
    reader in{body};
    const auto code = static_cast<auth_code>(in.i32());
    const auto data = in.rest();
    if (!in.good())
        return make_error_code(errc::truncated);
    if (code == auth_code::md5 && data.size() != 4)
        return make_error_code(errc::bad_length);
    return authentication{code, data};
}

void append_authentication(std::string& out, auth_code code, bytes data) {
    message{out, 'R'}.i32(static_cast<std::int32_t>(code)).view(data);
}

boost::system::result<std::vector<bytes>> decode_sasl_mechanisms(bytes data) {
    std::vector<bytes> names;
    reader in{data};
    for (auto name = in.cstring(); in.good() && !name.empty(); name = in.cstring())
        names.push_back(name);
    if (const auto error = in.finish())
        return error;
    return names;
}

boost::system::result<sasl_initial_response> decode_sasl_initial_response(bytes body) {
    reader in{body};
    sasl_initial_response initial{in.cstring(), {}};
    const auto size = in.i32();
    if (size < -1)
        return make_error_code(errc::bad_length);
    if (size != -1)  // -1: no initial response
        initial.response = in.view(static_cast<std::size_t>(size));
    if (const auto error = in.finish())
        return error;
    return initial;
}

void append_sasl_initial_response(std::string& out, bytes mechanism, bytes response) {
    message{out, 'p'}
        .cstring(mechanism)
        .i32(static_cast<std::int32_t>(response.size()))
        .view(response);
}

void append_password(std::string& out, bytes password) {
    message{out, 'p'}.cstring(password);
}
void append_sasl_response(std::string& out, bytes response) {
    message{out, 'p'}.view(response);
}
void append_query(std::string& out, bytes text) {
    message{out, 'Q'}.cstring(text);
}
void append_sync(std::string& out) {
    message{out, 'S'};
}
void append_terminate(std::string& out) {
    message{out, 'X'};
}
void append_command_complete(std::string& out, bytes tag) {
    message{out, 'C'}.cstring(tag);
}

void append_negotiate_protocol(std::string& out, std::int32_t newest_minor,
                               const std::vector<std::string>& unknown_options) {
    message body{out, 'v'};
    body.i32(newest_minor).i32(static_cast<std::int32_t>(unknown_options.size()));
    for (const auto& option : unknown_options)
        body.cstring(option);
}

}  // namespace pgballast::wire
