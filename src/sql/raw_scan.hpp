// Looks for the words that change a session, whatever the quotes around them mean.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pgballast/sql/text_facts.hpp"
#include "raw_text.hpp"

namespace pgballast::sql {

class raw_scan {
 public:
    /// `runs_strings`: anything in the text may make a command of a string, as code in
    /// other languages than SQL does. `found` is filled, but for `left`.
    raw_scan(text_facts& found, bool runs_strings) noexcept
        : found_{found}, runs_strings_{runs_strings} {}

    /// Adds what this text tells: the same one with its escapes taken away, say.
    void read(std::string_view text);

    /// To be called behind the last.
    void end();

    /// What is written cannot be read: all may be.
    void expect_anything();

    // What was seen that means something only in some texts.
    bool defines() const noexcept { return defines_; }
    bool selects_into() const noexcept { return selects_into_; }

 private:
    void word(raw_text& text, std::size_t start, std::string_view word);
    void set(raw_text& text, std::size_t behind);
    bool set_by_keyword(raw_text& text, const raw_name& keyword);
    void set_by_name(raw_text& text, std::size_t behind, const raw_name& name);
    void reset(raw_text& text, std::size_t behind);
    void load(raw_text& text, std::size_t start, std::size_t behind);
    void into(const raw_text& text, std::size_t start);
    void set_config(raw_text& text, std::size_t behind);
    void broken_off(raw_text& text, std::size_t behind);
    void add(const raw_name& name);
    void add(std::string_view name);

    text_facts& found_;
    bool runs_strings_;
    bool ends_string_ = false;  // a string ends where a name should begin
    bool updates_ = false;
    bool names_settings_ = false;
    bool mentions_default_ = false;
    bool has_unicode_string_ = false;
    bool uescapes_ = false;
    bool defines_ = false;
    bool selects_into_ = false;
};

}  // namespace pgballast::sql
