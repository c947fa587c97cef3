// The syntax all SCRAM messages share. RFC 5802, 5. Private to this layer.
#pragma once

#include <boost/system/error_code.hpp>
#include <string_view>

#include "pgballast/auth/error.hpp"

namespace pgballast::auth {

/// A cursor over "a=x,b=y,…". The first attribute that is not as it should be
/// makes it bad for good, so a parser reads all of them and asks `error()` once.
class attributes {
 public:
    explicit attributes(std::string_view text) noexcept : text_{text} {}

    /// The value of the next attribute, which must be `name`.
    std::string_view value(char name) noexcept {
        const auto next = at_end() ? std::string_view{} : text_.substr(next_);
        if (next.size() < 2 || next[0] != name || next[1] != '=') {
            fail(errc::malformed_message);
            return {};
        }
        const auto comma = next.find(',');
        next_ = comma == end ? end : next_ + comma + 1;
        return next.substr(2, comma == end ? end : comma - 2);
    }

    /// A mandatory extension stands first, where it cannot be overlooked.
    void refuse_mandatory_extension() noexcept {
        if (next_name() == 'm')
            fail(errc::unsupported_extension);
    }

    /// Passes over optional extensions up to the attribute `last`; without one, to
    /// the end.
    void skip_extensions(char last = '\0') noexcept {
        while (!error_ && !at_end() && (last == '\0' || next_name() != last)) {
            const auto name = next_name();
            const bool letter = (name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z');
            value(letter ? name : '\0');
        }
    }

    void expect_end() noexcept {
        if (!at_end())
            fail(errc::malformed_message);
    }

    /// Where the next attribute begins.
    std::size_t offset() const noexcept { return at_end() ? text_.size() : next_; }

    boost::system::error_code error() const noexcept { return error_; }

 private:
    static constexpr auto end = std::string_view::npos;

    bool at_end() const noexcept { return next_ == end; }
    char next_name() const noexcept { return offset() < text_.size() ? text_[next_] : '\0'; }

    void fail(errc e) noexcept {
        if (!error_)
            error_ = make_error_code(e);
        next_ = end;
    }

    std::string_view text_;
    std::size_t next_ = 0;
    boost::system::error_code error_;
};

}  // namespace pgballast::auth
