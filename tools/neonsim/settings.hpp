// What `POST /set` may change while neonsim runs.
#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string_view>

namespace neonsim {

/// A fixed time, or one drawn evenly between two.
struct wake_time {
    std::chrono::milliseconds min{500};
    std::chrono::milliseconds max{500};

    template <class Generator>
    std::chrono::milliseconds draw(Generator& generator) const {
        return std::chrono::milliseconds{
            std::uniform_int_distribution<std::int64_t>{min.count(), max.count()}(generator)};
    }
};

struct settings {
    wake_time wake;
    std::optional<std::chrono::milliseconds> autosuspend;  // none: only when told
    std::chrono::milliseconds cancel_delay{5};
    std::chrono::milliseconds rtt{0};
    int max_connections = 112;
};

/// Reads "500" or "300-1800", in milliseconds; nothing if it is neither.
std::optional<wake_time> parse_wake_time(std::string_view text);

/// Reads seconds, fractions too, or "off"; nothing if it is neither.
std::optional<std::optional<std::chrono::milliseconds>> parse_autosuspend(std::string_view text);

}  // namespace neonsim
