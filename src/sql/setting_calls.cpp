#include "setting_calls.hpp"

#include <bit>
#include <optional>
#include <string_view>

#include "characters.hpp"
#include "lexer.hpp"
#include "pgballast/sql/words.hpp"

namespace pgballast::sql {
namespace {

constexpr auto npos = std::string_view::npos;

// One quote, doubled as often as the bodies around it are quoted; or an escaped one. Three
// quotes may be one, and one in the string.
bool is_delimiter(std::string_view quotes) {
    return quotes == "\\'" ||
           (std::has_single_bit(quotes.size()) && quotes.find_first_not_of('\'') == npos);
}

/// What delimits the string constant there, `'`, `''`, `\'` or `$tag$`; empty if none is.
std::string_view delimiter_at(const raw_text& text, std::size_t place) {
    const auto rest = text.text().substr(std::min(place, text.text().size()), raw_text::name_max);
    if (rest.starts_with('$')) {
        const auto tag = length_of(rest, character::letter | character::digit, 1);
        const bool ends = tag + 1 < rest.size() && rest[tag + 1] == '$';
        return ends ? rest.substr(0, tag + 2) : std::string_view{};
    }
    const auto quotes = rest.substr(0, rest.find_first_not_of("'\\"));
    return is_delimiter(quotes) ? quotes : std::string_view{};
}

/// What stands there between two such delimiters, with no quote in it.
struct constant {
    std::string_view text;
    std::size_t end = 0;
};

std::optional<constant> constant_at(const raw_text& text, std::size_t place,
                                    std::string_view delimiter) {
    const auto start = place + delimiter.size();
    const auto near = text.text().substr(0, start + raw_text::gap_max);
    const auto stop = near.find_first_of(delimiter.starts_with('$') ? "$" : "'\\", start);
    if (stop == npos || !near.substr(stop).starts_with(delimiter))
        return std::nullopt;
    const auto end = stop + delimiter.size();
    if (!delimiter.starts_with('$') && (text.at(end) == '\'' || text.at(end) == '\\'))
        return std::nullopt;  // a longer row of quotes
    return constant{near.substr(start, stop - start), end};
}

/// Behind a `::text` there, if there is one.
std::size_t behind_cast(raw_text& text, std::size_t place) {
    const auto colons = text.behind_gap(place);
    if (text.at(colons) != ':' || text.at(colons + 1) != ':')
        return place;
    const auto type = text.behind_gap(colons + 2);
    const auto name = text.word_at(type);
    static constexpr auto types = words_of("bool", "boolean", "text", "varchar");
    return types.contains(name) ? type + name.size() : place;
}

/// Behind an argument there that can be nothing else: a parameter, a column or variable, or a
/// constant in the delimiters given. `npos` if it is not that plain.
std::size_t behind_argument(raw_text& text, std::size_t place, std::string_view delimiter) {
    place = text.behind_gap(place);
    const char first = text.at(place);
    if (first == '$' && !delimiter_at(text, place).starts_with('$')) {
        const auto digits = length_of(text.text(), character::digit, place + 1);
        return digits == 0 ? npos : place + 1 + digits;
    }
    if (first == '\'' && delimiter.starts_with('\'')) {
        const auto quotes = delimiter_at(text, place);
        if (quotes.size() == 2 * delimiter.size())  // an empty string
            return place + quotes.size();
        const auto value = quotes == delimiter ? constant_at(text, place, quotes) : std::nullopt;
        return value ? value->end : npos;
    }
    const auto name = text.name_at(place);
    return name.what == raw_name::kind::constant ? name.end : npos;
}

/// Behind the comma that ends an argument at `place`; `npos` if none is there.
std::size_t behind_comma(raw_text& text, std::size_t place) {
    if (place == npos)
        return npos;
    const auto comma = text.behind_gap(behind_cast(text, place));
    return text.at(comma) == ',' ? comma + 1 : npos;
}

/// `…, true)`, from the second argument on.
bool is_local(raw_text& text, std::size_t place, std::string_view delimiter) {
    place = behind_comma(text, behind_argument(text, place, delimiter));
    if (place == npos)
        return false;
    const auto third = text.behind_gap(place);
    const auto word = text.word_at(third);
    return same_word(word, "true") && text.at(text.behind_gap(third + word.size())) == ')';
}

}  // namespace

setting_call setting_call_at(raw_text& text, std::size_t place) {
    const auto argument = text.behind_gap(place);
    const auto prefix = same_word(text.word_at(argument), "e") ? 1U : 0U;
    const auto start = argument + prefix;
    const auto delimiter = delimiter_at(text, start);

    if (const auto name = constant_at(text, start, delimiter); !delimiter.empty() && name) {
        const auto second = behind_comma(text, name->end);
        if (second == npos || !is_setting_name(name->text))
            return {};
        return {folded(name->text), is_local(text, second, delimiter)};
    }
    // `set_config($1, $2, true)`; whether it stands in a quoted body cannot be seen here.
    const auto second = behind_comma(text, behind_argument(text, argument, {}));
    return {{}, second != npos && is_local(text, second, {})};
}

}  // namespace pgballast::sql
