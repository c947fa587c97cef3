#include "pgballast/config/startup_options.hpp"

#include <algorithm>
#include <optional>

namespace pgballast::config {
namespace {

using setting = std::pair<std::string, std::string>;

/// pg_split_opts: a backslash at the very end is dropped.
std::vector<std::string> split_words(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = text.find_first_not_of(blanks, at)) != text.npos) {
        std::string word;
        for (; at < text.size() && blanks.find(text[at]) == blanks.npos; ++at) {
            if (text[at] == '\\' && ++at == text.size())
                break;
            word += text[at];
        }
        words.push_back(std::move(word));
    }
    return words;
}

boost::system::result<setting, parse_error> parse_setting(std::string_view flag,
                                                          std::string_view text) {
    const auto equals = text.find('=');
    if (equals == text.npos)
        return parse_error{std::string{flag} + std::string{text} + " requires a value"};
    if (equals == 0)
        return parse_error{"options: expected a name before '='"};

    std::string name{text.substr(0, equals)};
    std::ranges::replace(name, '-', '_');
    return setting{std::move(name), text.substr(equals + 1)};
}

}  // namespace

boost::system::result<std::vector<setting>, parse_error> parse_startup_options(
    std::string_view options) {
    const auto words = split_words(options);
    std::vector<setting> settings;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (word == "--" && i + 1 == words.size())
            break;  // getopt's end of switches, with nothing behind it

        const bool is_long = word.size() > 2 && word.starts_with("--");
        if (!is_long && !word.starts_with("-c"))
            return parse_error{"options: found " + quote(word) +
                               ", expected -c name=value or --name=value"};
        auto rest = word.substr(2);
        if (rest.empty()) {
            if (++i == words.size())
                return parse_error{"options: -c requires a name=value"};
            rest = words[i];
        }
        auto parsed = parse_setting(is_long ? "--" : "-c ", rest);
        if (!parsed)
            return parsed.error();
        settings.push_back(std::move(*parsed));
    }
    return settings;
}

}  // namespace pgballast::config
