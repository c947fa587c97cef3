// One statement on its way past: how it begins, and the last few tokens.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "lexer.hpp"

namespace pgballast::sql {

class statement {
 public:
    void take(const token& next) noexcept {
        if (size_ < first_.size())
            first_[size_] = next;
        last_[size_ % last_.size()] = next;
        ++size_;
    }

    std::size_t size() const noexcept { return size_; }

    /// The token at this place from the start; `end` where there is none, or none is kept.
    const token& first(std::size_t place) const noexcept {
        static constexpr token none;
        return place < first_.size() ? first_[place] : none;
    }

    /// Whether `name` stands there, unquoted.
    bool begins(std::size_t place, std::string_view name) const noexcept {
        return first(place).is_word(name);
    }

    /// The last token but `back`, up to four; `end` before the start.
    const token& last(std::size_t back) const noexcept {
        return last_[(size_ - 1 - back) % last_.size()];
    }

 private:
    std::array<token, 5> first_;  // as many as a SET is judged by
    std::array<token, 8> last_;   // a ring; unsigned numbers wrap in step with it
    std::size_t size_ = 0;
};

}  // namespace pgballast::sql
