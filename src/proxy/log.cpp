#include "pgballast/proxy/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cstdlib>
#include <memory>

namespace pgballast::log {
namespace {

constexpr std::size_t queue_lines = 8192;

std::shared_ptr<spdlog::logger> logger;
std::atomic<level> least{level::info};
config::log_format shape = config::log_format::text;

spdlog::level::level_enum to_spdlog(level of) {
    switch (of) {
        case level::trace:
            return spdlog::level::trace;
        case level::debug:
            return spdlog::level::debug;
        case level::info:
            return spdlog::level::info;
        case level::warn:
            return spdlog::level::warn;
        case level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

const char* name_of(level of) {
    constexpr const char* names[] = {"trace", "debug", "info", "warn", "error"};
    return names[static_cast<int>(of)];
}

/// sd-daemon(3): "<3>" … in front of a line sets its priority in the journal.
const char* journal_priority(level of) {
    switch (of) {
        case level::error:
            return "<3>";
        case level::warn:
            return "<4>";
        case level::info:
            return "<6>";
        default:
            return "<7>";
    }
}

bool needs_quotes(std::string_view value) {
    const auto odd = [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' ||
               c == 127;
    };
    return value.empty() || std::any_of(value.begin(), value.end(), odd);
}

std::string quoted(std::string_view value) {
    return boost::json::serialize(boost::json::string_view{value.data(), value.size()});
}

void append_text(std::string& line, std::string_view event, std::initializer_list<field> fields) {
    line += event;
    for (const auto& one : fields) {
        line += ' ';
        line += one.key;
        line += '=';
        line += needs_quotes(one.value) ? quoted(one.value) : std::string{one.value};
    }
}

void append_json(std::string& line, std::string_view event, std::initializer_list<field> fields) {
    line += "\"event\":" + quoted(event);
    for (const auto& one : fields) {
        line += ',' + quoted(one.key) + ':';
        line += one.number_ ? std::string{one.value} : quoted(one.value);
    }
}

}  // namespace

std::string format(config::log_format how, std::string_view event,
                   std::initializer_list<field> fields) {
    std::string line;
    if (how == config::log_format::json)
        append_json(line, event, fields);
    else
        append_text(line, event, fields);
    return line;
}

void start(const config::log_settings& settings) {
    shape = settings.format;
    least = settings.level;
    spdlog::init_thread_pool(queue_lines, 1);
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    logger =
        std::make_shared<spdlog::async_logger>("pgballast", std::move(sink), spdlog::thread_pool(),
                                               spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(spdlog::level::trace);  // `enabled` has decided already
    logger->flush_on(spdlog::level::info);
    if (std::getenv("JOURNAL_STREAM"))  // the journal has the time itself
        logger->set_pattern("%v");
    else if (shape == config::log_format::json)
        logger->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v",
                            spdlog::pattern_time_type::utc);
    else
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
}

void set_level(level of) {
    least = of;
}

void stop() noexcept {
    logger.reset();
    spdlog::shutdown();
}

bool enabled(level of) noexcept {
    return logger && of >= least.load(std::memory_order_relaxed);
}

void write(level of, std::string_view event, std::initializer_list<field> fields) {
    if (!enabled(of))
        return;
    static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
    std::string line = journal ? journal_priority(of) : "";
    if (shape == config::log_format::json) {
        line += journal ? "{" : "";
        line += std::string{"\"level\":\""} + name_of(of) + "\",";
        append_json(line, event, fields);
        line += '}';
    } else {
        if (!journal)
            line += std::string{name_of(of)} + ' ';
        append_text(line, event, fields);
    }
    logger->log(to_spdlog(of), line);
}

}  // namespace pgballast::log
