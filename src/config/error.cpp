#include "pgballast/config/error.hpp"

#include <algorithm>
#include <boost/throw_exception.hpp>
#include <stdexcept>

namespace pgballast::config {

namespace {

char printable(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
}

}  // namespace

std::string to_string(const config_error& error) {
    std::string out = error.file;
    if (error.line != 0)
        out += (out.empty() ? "line " : ":") + std::to_string(error.line);
    for (const auto& part : {error.key, error.message}) {
        if (part.empty())
            continue;
        if (!out.empty())
            out += ": ";
        out += part;
    }
    std::ranges::transform(out, out.begin(), printable);
    return out;
}

std::string quote(std::string_view text) {
    constexpr std::size_t size_max = 60;
    std::string out = "'";
    for (const char c : text.substr(0, size_max))
        out += printable(c);
    return out += text.size() > size_max ? "…'" : "'";
}

void throw_exception_from_error(const parse_error& error, const boost::source_location& location) {
    boost::throw_exception(std::runtime_error(error.message), location);
}

void throw_exception_from_error(const config_error& error, const boost::source_location& location) {
    boost::throw_exception(std::runtime_error(to_string(error)), location);
}

void throw_exception_from_error(const std::vector<config_error>& errors,
                                const boost::source_location& location) {
    std::string lines;
    for (const auto& error : errors)
        lines += (lines.empty() ? "" : "\n") + to_string(error);
    boost::throw_exception(std::runtime_error(lines), location);
}

}  // namespace pgballast::config
