// What happened over the last minutes, for the page to draw.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace signup_demo {

enum class lane { compute, direct, pgballast };
inline constexpr std::size_t lanes = 3;

/// A line of states per lane, and marks on it. What ended before the window is forgotten.
class timeline {
 public:
    using clock = std::chrono::system_clock;  // people compare it with their own

    static constexpr auto window = std::chrono::minutes{2};
    static constexpr std::size_t spans_max = 500;  // per lane
    static constexpr std::size_t marks_max = 200;

    /// The lane is in this state from now on, if it was not before.
    void enter(lane which, std::string_view state, clock::time_point now);

    /// Something happened at one moment: `kind` is succeeded, failed or done.
    void mark(lane where, std::string_view kind, std::string text, clock::time_point now);

    /// Milliseconds since 1970: `{"window", "now", "lanes": {…}, "marks": […]}`.
    boost::json::object to_json(clock::time_point now) const;

 private:
    struct span {
        std::string state;
        clock::time_point from;  // until the next one's, or now
    };
    struct event {
        lane where;
        std::string kind;
        std::string text;
        clock::time_point at;
    };

    std::array<std::deque<span>, lanes> spans_;
    std::deque<event> marks_;
};

}  // namespace signup_demo
