// Whether a text that is being sent may begin a transaction block, wherever the reads have
// cut it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

/// Judges the texts of Query and Parse by their first word; whatever is more than a single
/// statement, or begins with a comment, may begin a block. Fed piece by piece.
class block_opener {
 public:
    /// A message of type Query ('Q') or Parse ('P') begins.
    void begin(char type) noexcept {
        sure_ |= may_open();
        where_ = type == 'P' ? place::name : place::front;
        matched_ = 0;
    }

    /// The next bytes of its body.
    void feed(wire::bytes data) noexcept {
        while (!data.empty() && where_ != place::over)
            data.remove_prefix(take(data));
    }

    /// With what has been fed so far.
    bool may_open() const noexcept { return sure_ || unsure(); }

    void clear() noexcept { *this = {}; }

 private:
    enum class place : std::uint8_t { name, front, word, text, behind_semicolon, over };

    static constexpr wire::bytes words[] = {"begin", "start", "--", "/*"};

    /// The text is not whole, and might go on as one that opens a block.
    bool unsure() const noexcept { return where_ != place::text && where_ != place::over; }

    std::size_t take(wire::bytes data) noexcept {
        const char c = data.front();
        switch (where_) {
            case place::name:
                if (c == '\0')
                    where_ = place::front;
                return 1;
            case place::front:
                if (wire::bytes{" \t\r\n"}.find(c) != wire::bytes::npos)
                    return 1;
                where_ = place::word;
                candidates_ = 0b1111;
                return 0;
            case place::word:
                return take_of_word(c);
            case place::text: {
                const auto end = data.find('\0');
                const auto semicolon = data.substr(0, end).find(';');
                if (semicolon != wire::bytes::npos) {
                    where_ = place::behind_semicolon;
                    return semicolon + 1;
                }
                if (end != wire::bytes::npos)
                    where_ = place::over;
                return data.size();
            }
            case place::behind_semicolon:
                if (c == '\0')
                    where_ = place::over;
                else if (wire::bytes{" \t\r\n;"}.find(c) == wire::bytes::npos)
                    open();
                return 1;
            case place::over:
                break;
        }
        return data.size();
    }

    std::size_t take_of_word(char c) noexcept {
        for (std::size_t i = 0; i < std::size(words); ++i) {
            if ((candidates_ >> i & 1) == 0)
                continue;
            const char wanted = words[i][matched_];
            if ((i < 2 ? static_cast<char>(c | 0x20) : c) != wanted)
                candidates_ &= static_cast<std::uint8_t>(~(1u << i));
            else if (matched_ + 1u == words[i].size()) {
                open();
                return 1;
            }
        }
        if (candidates_ == 0) {
            where_ = place::text;
            return 0;  // it may be the text's end
        }
        ++matched_;
        return 1;
    }

    void open() noexcept {
        sure_ = true;
        where_ = place::over;
    }

    place where_ = place::over;
    std::uint8_t matched_ = 0;     // letters of the first word
    std::uint8_t candidates_ = 0;  // which of `words` it may become, a bit each
    bool sure_ = false;
};

}  // namespace pgballast::session
