// Messages for conversations in tests, by their names.
#pragma once

#include <string>

#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::session::test {

using wire::bytes;

inline std::string frame(char type, bytes body = {}) {
    std::string out;
    wire::message{out, type}.view(body);
    return out;
}

// Of the client. Three names bear a suffix because POSIX has functions of theirs.
inline std::string query(bytes text) {
    std::string out;
    wire::append_query(out, text);
    return out;
}
inline std::string parse(bytes text, bytes name = {}) {
    std::string out;
    wire::message{out, 'P'}.cstring(name).cstring(text).i16(0);
    return out;
}
inline std::string bind_msg(bytes statement = {}) {
    std::string out;
    wire::message{out, 'B'}.cstring({}).cstring(statement).i16(0).i16(0).i16(0);
    return out;
}
inline std::string describe() {
    return frame('D', {"S\0", 2});
}
inline std::string execute() {
    return frame('E', {"\0\0\0\0\0", 5});
}
inline std::string close_msg() {
    return frame('C', {"S\0", 2});
}
inline std::string sync_msg() {
    return frame('S');
}
inline std::string flush() {
    return frame('H');
}
inline std::string call() {
    return frame('F', {"\0\0\0\1\0\0\0\0\0\0", 10});
}
inline std::string copy_data(bytes data = "1\n") {
    return frame('d', data);
}
inline std::string copy_done() {
    return frame('c');
}
inline std::string copy_fail() {
    return frame('f', {"why\0", 4});
}
inline std::string terminate() {
    return frame('X');
}

// Of the server.
inline std::string ready(char status = 'I') {
    return frame('Z', {&status, 1});
}
inline std::string complete(bytes tag = "SELECT 1") {
    std::string out;
    wire::append_command_complete(out, tag);
    return out;
}
inline std::string row(bytes value = "x") {
    std::string out;
    wire::message{out, 'D'}.i16(1).i32(static_cast<std::int32_t>(value.size())).view(value);
    return out;
}
inline std::string row_description() {
    return frame('T', {"\0\0", 2});
}
inline std::string copy_in() {
    return frame('G', {"\0\0\0", 3});
}
inline std::string copy_out() {
    return frame('H', {"\0\0\0", 3});
}
inline std::string error(bytes sqlstate, bytes message = "oops", bytes severity = "ERROR") {
    std::string out;
    wire::append_error(out, {severity, sqlstate, message});
    return out;
}
inline std::string fatal(bytes sqlstate, bytes message = "oops") {
    return error(sqlstate, message, "FATAL");
}
inline std::string notice(bytes sqlstate, bytes message = "hm", bytes severity = "WARNING") {
    std::string out;
    wire::append_notice(out, {severity, sqlstate, message});
    return out;
}
inline std::string status(bytes name, bytes value) {
    std::string out;
    wire::append_parameter_status(out, name, value);
    return out;
}
inline std::string notification() {
    return frame('A', {"\0\0\0\1c\0x\0", 8});
}
inline std::string parsed() {
    return frame('1');
}
inline std::string bound() {
    return frame('2');
}
inline std::string closed() {
    return frame('3');
}
inline std::string no_data() {
    return frame('n');
}
inline std::string suspended() {
    return frame('s');
}
inline std::string empty_query() {
    return frame('I');
}

/// "T D C Z:I", "E:08007 Z:I": what a stream of the server's messages says, for eyes.
/// A message that is cut short is `…`.
inline std::string names_of(bytes stream) {
    std::string names;
    while (!stream.empty()) {
        if (!names.empty())
            names += ' ';
        const auto header = wire::decode_frame_header(stream).value();
        if (!header || header->frame_size() > stream.size())
            return names + "…";
        const auto body = stream.substr(wire::header_size, header->body_size);
        names += header->type;
        if (header->type == 'Z')
            names += std::string{":"} + std::string{body};
        if (header->type == 'E' || header->type == 'N') {
            const auto fields = wire::decode_error_fields(body);
            names += (fields.fatal() ? "!" : ":") + std::string{fields.sqlstate};
        }
        stream.remove_prefix(header->frame_size());
    }
    return names;
}

}  // namespace pgballast::session::test
