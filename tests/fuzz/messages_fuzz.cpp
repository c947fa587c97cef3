// Frames, one behind the other, and the messages pgballast reads. What is decoded
// and written again must be what came in.
#include <string>

#include "fuzz.hpp"
#include "pgballast/wire/messages.hpp"

using namespace pgballast;
using fuzz::require;

namespace {

constexpr std::uint32_t body_max = 4096;

void check_error_fields(wire::bytes body) {
    const auto fields = wire::decode_error_fields(body);
    std::string out;
    wire::append_error(
        out, {fields.severity, fields.sqlstate, fields.message, fields.detail, fields.hint});
    const auto again = wire::decode_error_fields(wire::bytes{out}.substr(wire::header_size));
    require(again.severity == fields.severity && again.sqlstate == fields.sqlstate);
    require(again.message == fields.message && again.detail == fields.detail);
    require(again.hint == fields.hint && again.fatal() == fields.fatal());
}

void check_sasl_initial_response(wire::bytes body) {
    const auto initial = wire::decode_sasl_initial_response(body);
    if (!initial)
        return;
    std::string out;
    wire::append_sasl_initial_response(out, initial->mechanism, initial->response);
    const auto rewritten = wire::bytes{out}.substr(wire::header_size);
    const auto again = wire::decode_sasl_initial_response(rewritten).value();
    require(again.mechanism == initial->mechanism && again.response == initial->response);
    require(rewritten.size() == body.size());  // though not the same: no response is -1 or 0
}

void check_authentication(wire::bytes body, std::string& out) {
    const auto request = wire::decode_authentication(body);
    if (!request)
        return;
    wire::append_authentication(out, request->code, request->data);
    const auto names = wire::decode_sasl_mechanisms(request->data);
    if (!names)
        return;
    std::string list;
    for (const auto name : *names)
        list.append(name).push_back('\0');
    list.push_back('\0');
    require(list == request->data);
}

void check_message(char type, wire::bytes frame) {
    const auto body = frame.substr(wire::header_size);
    std::string out;
    switch (type) {
        case 'S':
            if (const auto status = wire::decode_parameter_status(body))
                wire::append_parameter_status(out, status->name, status->value);
            break;
        case 'K':
            if (const auto key = wire::decode_backend_key(body))
                wire::append_backend_key(out, key->pid, key->key);
            break;
        case 'Z':
            if (const auto status = wire::decode_ready_for_query(body))
                wire::append_ready_for_query(out, *status);
            break;
        case 'R':
            check_authentication(body, out);
            break;
        case 'E':
            check_error_fields(body);
            break;
        case 'p':
            check_sasl_initial_response(body);
            break;
        default:
            break;
    }
    require(out.empty() || out == frame);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto rest = fuzz::input(data, size);
    for (;;) {
        const auto header = wire::decode_frame_header(rest, body_max);
        if (!header || !*header)
            return 0;
        require((*header)->body_size <= body_max);
        if ((*header)->frame_size() > rest.size())
            return 0;
        check_message((*header)->type, rest.substr(0, (*header)->frame_size()));
        rest.remove_prefix((*header)->frame_size());
    }
}
