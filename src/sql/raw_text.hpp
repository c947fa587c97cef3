// A text as it lies there, whatever its quotes mean: in a quoted body they are doubled or
// escaped, and what is a comment outside is none inside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgballast::sql {

/// A name as SET takes it: `App."Tenant"`, with blanks and comments around its dots.
struct raw_name {
    enum class kind {
        none,      // no name begins here
        constant,  // letters, digits, `_` and dots
        quoted,    // begins with a double quote, of an identifier or of other code
        odd,       // anything else
    };

    kind what = kind::none;
    std::string text;     // in lower case
    std::size_t end = 0;  // behind it in the raw text

    bool is(std::string_view word) const { return what == kind::constant && text == word; }
};

class raw_text {
 public:
    /// Nothing that is looked at is longer, lest many beginnings be followed to the end of
    /// a long text: PostgreSQL's names have at most 63 bytes.
    static constexpr std::size_t name_max = 63;
    static constexpr std::size_t gap_max = 512;

    explicit raw_text(std::string_view text) noexcept : text_{text} {}

    std::string_view text() const noexcept { return text_; }

    /// The byte there, NUL behind the end.
    char at(std::size_t place) const noexcept { return place < text_.size() ? text_[place] : '\0'; }

    /// Behind the blanks and comments there; the end of the text if they are too long.
    std::size_t behind_gap(std::size_t place) noexcept;

    /// Whether any were, so that something may have been missed.
    bool has_long_gap() const noexcept { return has_long_gap_; }

    /// The word there, empty if none begins there. A `$` ends it, since it may end a body.
    std::string_view word_at(std::size_t place) const noexcept;

    /// Whether a command may begin there: no, when a word stands before it on its line
    /// which is none that statements follow in PL/pgSQL. Else that may be a comment's end.
    bool begins_command(std::size_t place) const noexcept;

    raw_name name_at(std::size_t place);

    /// Whether a quote there, the end of a string, is followed by an operator that joins
    /// strings in some language.
    bool is_joined(std::size_t quote) noexcept;

 private:
    std::string_view text_;
    bool has_long_gap_ = false;
};

/// Whether settings are named like that. Settings with other names can be made, up to
/// PostgreSQL 14; here they count as unknown.
bool is_setting_name(std::string_view text) noexcept;

}  // namespace pgballast::sql
