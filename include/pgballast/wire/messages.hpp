// The messages pgballast itself reads or writes; all others are relayed unread.
// PostgreSQL protocol 3.0, "Message Formats".
#pragma once

#include <string>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::wire {

/// ReadyForQuery's transaction status.
enum class txn : char { idle = 'I', open = 'T', failed = 'E' };

/// Fields of an ErrorResponse or NoticeResponse. Views into the body.
struct error_fields {
    bytes severity;  // 'V', never translated; 'S' where a server sends no 'V'
    bytes sqlstate;  // empty when the server sent none: nothing may rely on it
    bytes message;
    bytes detail;
    bytes hint;

    bool fatal() const noexcept { return severity == "FATAL" || severity == "PANIC"; }
};

/// Reads what is there, also of a body cut short; unknown fields are passed over.
error_fields decode_error_fields(bytes body) noexcept;

struct error_message {
    bytes severity = "ERROR";
    bytes sqlstate;
    bytes message;
    bytes detail = {};
    bytes hint = {};
};

/// Appends an ErrorResponse. Zero bytes in the texts end them there.
void append_error(std::string& out, const error_message& error);
void append_notice(std::string& out, const error_message& notice);

struct parameter_status {
    bytes name;
    bytes value;
};

boost::system::result<parameter_status> decode_parameter_status(bytes body);
void append_parameter_status(std::string& out, bytes name, bytes value);

struct backend_key {
    std::int32_t pid = 0;
    std::string key;
};

boost::system::result<backend_key> decode_backend_key(bytes body);
void append_backend_key(std::string& out, std::int32_t pid, bytes key);

boost::system::result<txn> decode_ready_for_query(bytes body);
void append_ready_for_query(std::string& out, txn status);

/// Authentication requests ('R'), by their code.
enum class auth_code : std::int32_t {
    ok = 0,
    cleartext = 3,
    md5 = 5,
    sasl = 10,
    sasl_continue = 11,
    sasl_final = 12,
};

struct authentication {
    auth_code code;
    bytes data;  // md5: 4 bytes of salt; SASL: the payload
};

boost::system::result<authentication> decode_authentication(bytes body);
void append_authentication(std::string& out, auth_code code, bytes data = {});

/// Names of the mechanisms in an AuthenticationSASL payload.
boost::system::result<std::vector<bytes>> decode_sasl_mechanisms(bytes data);

struct sasl_initial_response {
    bytes mechanism;
    bytes response;
};

boost::system::result<sasl_initial_response> decode_sasl_initial_response(bytes body);
void append_sasl_initial_response(std::string& out, bytes mechanism, bytes response);
void append_password(std::string& out, bytes password);       // 'p', zero-terminated
void append_sasl_response(std::string& out, bytes response);  // 'p', not terminated

void append_query(std::string& out, bytes text);
void append_sync(std::string& out);
void append_terminate(std::string& out);
void append_command_complete(std::string& out, bytes tag);

/// NegotiateProtocolVersion: the newest minor version of 3 spoken here, and the
/// options that were not understood.
void append_negotiate_protocol(std::string& out, std::int32_t newest_minor,
                               const std::vector<std::string>& unknown_options);

}  // namespace pgballast::wire
