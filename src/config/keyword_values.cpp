// `host=localhost port=5432 password='a b'`: keyword/value connection strings.
#include "conninfo_parsers.hpp"

namespace pgballast::config::detail {
namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";  // isspace in the C locale

class keyword_value_parser {
 public:
    explicit keyword_value_parser(std::string_view text) : in_(text) {}

    boost::system::result<conninfo, parse_error> parse() {
        bool after_password = false;
        for (skip_blanks(); at_ < in_.size(); skip_blanks()) {
            const auto start = at_;
            const auto name = take_name();
            if (at_ == in_.size() || in_[at_] != '=')
                return error_at(at_,
                                "expected '=' after a keyword (a value with blanks is "
                                "written in 'single quotes')");
            ++at_;
            skip_blanks();

            const bool in_quotes = at_ < in_.size() && in_[at_] == '\'';
            auto value = in_quotes ? take_quoted() : take_bare();
            if (!value)
                return error_at(in_.size(), "expected a ' to end the quoted value");
            if (const auto error = store(out_, name, std::move(*value), after_password))
                return error_at(start, error->message);
            after_password = name == "password" && !in_quotes;
        }
        return std::move(out_);
    }

 private:
    void skip_blanks() { at_ = std::min(in_.find_first_not_of(blanks, at_), in_.size()); }

    std::string_view take_name() {
        const auto start = at_;
        at_ = std::min(in_.find_first_of(" \t\n\v\f\r=", at_), in_.size());
        const auto name = in_.substr(start, at_ - start);
        skip_blanks();
        return name;
    }

    /// A backslash takes the next character as it is; one at the very end is dropped.
    void take_character(std::string& out) {
        if (in_[at_] == '\\' && ++at_ == in_.size())
            return;
        out += in_[at_++];
    }

    std::optional<std::string> take_bare() {
        std::string value;
        while (at_ < in_.size() && blanks.find(in_[at_]) == blanks.npos)
            take_character(value);
        return value;
    }

    std::optional<std::string> take_quoted() {
        std::string value;
        for (++at_; at_ < in_.size();) {
            if (in_[at_] == '\'') {
                ++at_;
                return value;
            }
            take_character(value);
        }
        return {};
    }

    std::string_view in_;
    std::size_t at_ = 0;
    conninfo out_;
};

}  // namespace

boost::system::result<conninfo, parse_error> parse_keyword_values(std::string_view text) {
    return keyword_value_parser{text}.parse();
}

}  // namespace pgballast::config::detail
