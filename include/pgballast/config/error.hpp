// What is wrong with a configuration, said so that its author can mend it.
#pragma once

#include <boost/assert/source_location.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pgballast::config {

/// Why a text could not be read. Never holds a password.
struct parse_error {
    std::string message;
};

/// One mistake: `pgballast.yaml:12: databases.app.pool.mode: found 'sesion', expected …`.
struct config_error {
    std::string file;   // as given; empty for the environment and the command line
    unsigned line = 0;  // from 1; 0: of no line
    std::string key;    // dotted path, or the variable or option; may be empty
    std::string message;
};

/// One line, whatever the keys of the file hold.
std::string to_string(const config_error& error);

/// `'text'`, made fit for one line of a message: control characters as `?`, cut at 60 bytes.
std::string quote(std::string_view text);

/// These let `boost::system::result::value()` throw `std::runtime_error` with the same text.
[[noreturn]] void throw_exception_from_error(const parse_error& error,
                                             const boost::source_location& location);
[[noreturn]] void throw_exception_from_error(const config_error& error,
                                             const boost::source_location& location);
[[noreturn]] void throw_exception_from_error(const std::vector<config_error>& errors,
                                             const boost::source_location& location);

}  // namespace pgballast::config
