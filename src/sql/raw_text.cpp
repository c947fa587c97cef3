#include "raw_text.hpp"

#include <algorithm>

#include "characters.hpp"
#include "lexer.hpp"
#include "pgballast/sql/words.hpp"

namespace pgballast::sql {
namespace {

constexpr auto npos = std::string_view::npos;

/// How long the block comment is that `text` begins with; they nest. `npos` without an end.
std::size_t comment_length(std::string_view text) {
    int depth = 0;
    for (std::size_t at = 0; at + 1 < text.size();) {
        const auto two = text.substr(at, 2);
        if (two != "/*" && two != "*/") {
            ++at;
            continue;
        }
        depth += two == "/*" ? 1 : -1;
        at += 2;
        if (depth == 0)
            return at;
    }
    return npos;
}

}  // namespace

std::size_t raw_text::behind_gap(std::size_t place) noexcept {
    place = std::min(place, text_.size());
    const auto near = text_.substr(0, place + gap_max);
    for (;;) {
        place += length_of(near, character::blank, place);
        const auto rest = near.substr(place);
        const bool is_line = rest.starts_with("--");
        if (!rest.empty() && !is_line && !rest.starts_with("/*"))
            return place;
        const auto comment = rest.empty() ? npos
                             : is_line    ? rest.find_first_of("\n\r")
                                          : comment_length(rest);
        if (comment == npos) {
            has_long_gap_ |= near.size() < text_.size();
            return text_.size();
        }
        place += comment;
    }
}

std::string_view raw_text::word_at(std::size_t place) const noexcept {
    if (!is_any_of(at(place), character::letter))
        return {};
    return text_.substr(place, length_of(text_, character::letter | character::digit, place));
}

bool raw_text::begins_command(std::size_t place) const noexcept {
    auto end = place;
    while (end > 0 && (text_[end - 1] == ' ' || text_[end - 1] == '\t'))
        --end;
    static constexpr std::size_t longest = 5;  // of the words below
    auto start = end;
    while (start > 0 && end - start <= longest &&
           is_any_of(text_[start - 1], character::letter | character::digit))
        --start;
    static constexpr auto before_commands = words_of("begin", "else", "loop", "then");
    return start == end || before_commands.contains(text_.substr(start, end - start));
}

raw_name raw_text::name_at(std::size_t place) {
    raw_name name{raw_name::kind::none, {}, place};
    const bool quoted = at(behind_gap(place)) == '"';
    for (;;) {
        auto start = behind_gap(name.end);
        auto size = std::size_t{0};
        if (at(start) == '"') {
            const auto inside = text_.substr(start + 1, name_max + 1);
            size = inside.find('"');
            if (size == npos)
                break;
            ++start;
            name.end = start + size + 1;
        } else if (is_any_of(at(start), character::letter)) {
            size = length_of(text_.substr(0, start + name_max + 1), character::word, start);
            name.end = start + size;
        } else
            break;
        name.text += folded(text_.substr(start, size));
        const auto dot = behind_gap(name.end);
        if (at(dot) != '.') {
            name.what = is_setting_name(name.text) ? raw_name::kind::constant
                        : quoted                   ? raw_name::kind::quoted
                                                   : raw_name::kind::odd;
            return name;
        }
        name.text += '.';
        name.end = dot + 1;
        if (name.text.size() > name_max)
            break;
    }
    name.what = name.text.empty() ? raw_name::kind::none : raw_name::kind::odd;
    return name;
}

bool raw_text::is_joined(std::size_t quote) noexcept {
    const auto near = text_.substr(0, std::min(quote, text_.size()) + gap_max);
    const auto behind = std::min(near.find_first_not_of("'\"\\", quote), near.size());
    const char next = at(behind_gap(behind));
    return next != '\0' && std::string_view{"|+.%"}.find(next) != npos;
}

bool is_setting_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= raw_text::name_max && text.back() != '.' &&
           std::ranges::all_of(text, [](char c) {
               return c == '.' || (is_any_of(c, character::letter | character::digit) &&
                                   static_cast<unsigned char>(c) < 128);
           });
}

}  // namespace pgballast::sql
