#include "timeline.hpp"

#include <boost/json/array.hpp>

namespace signup_demo {
namespace {

namespace json = boost::json;

constexpr const char* names[lanes] = {"compute", "direct", "pgballast"};

std::int64_t to_ms(timeline::clock::time_point when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

}  // namespace

void timeline::enter(lane which, std::string_view state, clock::time_point now) {
    auto& spans = spans_[static_cast<std::size_t>(which)];
    if (spans.empty() || spans.back().state != state)
        spans.push_back({std::string{state}, now});
    while (spans.size() > 1 && (spans.size() > spans_max || spans[1].from < now - window))
        spans.pop_front();
}

void timeline::mark(lane where, std::string_view kind, std::string text, clock::time_point now) {
    marks_.push_back({where, std::string{kind}, std::move(text), now});
    while (marks_.size() > marks_max || marks_.front().at < now - window)
        marks_.pop_front();
}

json::object timeline::to_json(clock::time_point now) const {
    json::object all;
    for (std::size_t i = 0; i < lanes; ++i) {
        json::array spans;
        for (const auto& each : spans_[i])
            spans.push_back({{"state", each.state}, {"from", to_ms(each.from)}});
        all[names[i]] = std::move(spans);
    }
    json::array marks;
    for (const auto& each : marks_)
        if (each.at >= now - window)
            marks.push_back({{"lane", names[static_cast<std::size_t>(each.where)]},
                             {"kind", each.kind},
                             {"text", each.text},
                             {"at", to_ms(each.at)}});
    return {{"now", to_ms(now)},
            {"window", std::chrono::milliseconds{window}.count()},
            {"lanes", std::move(all)},
            {"marks", std::move(marks)}};
}

}  // namespace signup_demo
