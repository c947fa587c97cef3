// The log: one line per event, `key=value` fields, as text or JSON.
//
// Writing never blocks a worker: lines go to a bounded queue, whose oldest lines
// give way when it is full. `stop` writes what is queued.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "pgballast/config/settings.hpp"

namespace pgballast::log {

using level = config::log_level;

/// A field of an event. Views are copied before the call returns.
struct field {
    field(std::string_view name, std::string_view text) : key{name}, value{text} {}
    field(std::string_view name, const char* text) : key{name}, value{text} {}
    field(std::string_view name, const std::string& text) : key{name}, value{text} {}
    template <std::integral T>
    field(std::string_view name, T number)
        : key{name}, owned{std::to_string(number)}, value{owned}, number_{true} {}
    field(std::string_view name, std::chrono::milliseconds span)
        : key{name}, owned{std::to_string(span.count()) + "ms"}, value{owned} {}
    field(const field&) = delete;
    field& operator=(const field&) = delete;

    std::string_view key;
    std::string owned;
    std::string_view value;
    bool number_ = false;  // JSON: written without quotes
};

/// Begins to log to stderr; until then, and in tests, nothing is written.
void start(const config::log_settings& settings);
void set_level(level least);

/// Writes all that is queued, and ends.
void stop() noexcept;

bool enabled(level of) noexcept;
void write(level of, std::string_view event, std::initializer_list<field> fields = {});

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
    write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
    write(level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<field> fields = {}) {
    write(level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
    write(level::error, event, fields);
}

/// One event as it is written, without time and level; for tests.
std::string format(config::log_format how, std::string_view event,
                   std::initializer_list<field> fields);

}  // namespace pgballast::log
