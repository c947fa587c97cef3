// What can be wrong with bytes a peer has sent.
#pragma once

#include <boost/system/error_code.hpp>

namespace pgballast::wire {

enum class errc {
    bad_length = 1,       // a length word below its minimum or above its limit
    missing_terminator,   // a string without its zero byte
    truncated,            // a body shorter than its fields
    trailing_bytes,       // a body longer than its fields
    unknown_protocol,     // a startup packet of no protocol we know
    duplicate_parameter,  // a startup parameter given twice
    missing_user,         // a startup packet without "user"
    bad_message_type,     // a type byte that has no place here
    name_too_long,        // names of statements and portals that nobody gives
};

const boost::system::error_category& error_category() noexcept;

inline boost::system::error_code make_error_code(errc e) noexcept {
    return {static_cast<int>(e), error_category()};
}

}  // namespace pgballast::wire

template <>
struct boost::system::is_error_code_enum<pgballast::wire::errc> : std::true_type {};
