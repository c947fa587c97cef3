#include "pgballast/sql/resets.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "lexer.hpp"

namespace pgballast::sql {
namespace {

/// As many as `set session "a"."b" to default` has.
constexpr std::size_t tokens_max = 8;

resets everything() {
    return {true, {"role", "session_authorization"}};
}

/// Tells what one statement resets, by its beginning.
class reset_reader {
 public:
    void take(const token& next) {
        if (tokens_.size() < tokens_max)
            tokens_.push_back(next);
    }

    resets end() {
        resets found;
        if (takes("discard"))
            found = takes("all") ? everything() : resets{};
        else if (takes("reset"))
            found = takes("all") ? resets{true, {}} : resets{false, names()};
        else if (takes("set") && !takes("local"))
            found = of_set();
        tokens_.clear();
        at_ = 0;
        return found;
    }

 private:
    resets of_set() {
        if (next_is("session") && !is_second("authorization") && !is_qualified())
            ++at_;
        auto found = names();
        if (found.empty())
            return {};
        if (!takes_symbol('='))
            takes("to");
        const bool is_default = takes("default") || (found.front() == "timezone" && takes("local"));
        return is_default ? resets{false, std::move(found)} : resets{};
    }

    /// Of a setting; the identity brings the role with it.
    std::vector<std::string> names() {
        if (next_is("time") && is_second("zone")) {
            at_ += 2;
            return {"timezone"};
        }
        if (next_is("session") && is_second("authorization")) {
            at_ += 2;
            return {"role", "session_authorization"};
        }
        if (!is_qualified() && takes("names"))
            return {"client_encoding"};
        std::string name;
        do {
            if (at_ == tokens_.size())
                return {};
            name += (name.empty() ? "" : ".") + name_in(tokens_[at_++]);
        } while (takes_symbol('.'));
        return {std::move(name)};
    }

    static std::string name_in(const token& one) {
        const bool quoted = one.what == token::kind::quoted_word;
        return folded(quoted ? one.text.substr(1, one.text.size() - 2) : one.text);
    }

    bool is_second(std::string_view word) const {
        return at_ + 1 < tokens_.size() && tokens_[at_ + 1].is_word(word);
    }
    bool is_qualified() const { return at_ + 1 < tokens_.size() && tokens_[at_ + 1].is('.'); }
    bool next_is(std::string_view word) const {
        return at_ < tokens_.size() && tokens_[at_].is_word(word);
    }
    bool takes(std::string_view word) {
        const bool is = next_is(word);
        at_ += is ? 1 : 0;
        return is;
    }
    bool takes_symbol(char symbol) {
        const bool is = at_ < tokens_.size() && tokens_[at_].is(symbol);
        at_ += is ? 1 : 0;
        return is;
    }

    std::vector<token> tokens_;
    std::size_t at_ = 0;
};

bool names_a_reset(std::string_view text) {
    return contains_folded(text, "reset") || contains_folded(text, "discard") ||
           contains_folded(text, "default") || contains_folded(text, "local");
}

}  // namespace

bool resets::contains(std::string_view name) const noexcept {
    const bool named =
        std::ranges::any_of(names, [&](const std::string& one) { return same_name(one, name); });
    return named || (all && !same_name(name, "role") && !same_name(name, "session_authorization"));
}

void resets::add(resets other) {
    all |= other.all;
    for (auto& name : other.names)
        if (std::ranges::find(names, name) == names.end())
            names.push_back(std::move(name));
    if (names.size() > names_max)
        *this = everything();
}

resets resets_in(std::string_view text) {
    resets found;
    reset_reader current;
    lexer tokens{text};
    for (;;) {
        const auto next = tokens.next();
        if (next.what == token::kind::odd)
            return names_a_reset(text) ? everything() : resets{};
        if (next.what == token::kind::end || next.is(';'))
            found.add(current.end());
        else
            current.take(next);
        if (next.what == token::kind::end)
            return found;
    }
}

}  // namespace pgballast::sql
