#include "form.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

namespace signup_demo {
namespace {

namespace json = boost::json;

constexpr std::size_t email_max = 254;  // RFC 5321, 4.5.3.1.3, without its brackets
constexpr std::size_t local_part_max = 64;
constexpr std::size_t label_max = 63;
constexpr std::size_t password_min = 8;
constexpr std::size_t password_max = 256;  // octets; hashing is bounded with it

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_local_part(std::string_view text) {
    static constexpr std::string_view others = ".!#$%&'*+/=?^_`{|}~-";
    return !text.empty() && text.size() <= local_part_max && std::ranges::all_of(text, [](char c) {
        return is_letter_or_digit(c) || others.find(c) != others.npos;
    });
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= label_max && text.front() != '-' && text.back() != '-' &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == text.npos || !is_label(text.substr(0, dot)))
        return false;
    const auto rest = text.substr(dot + 1);
    return rest.find('.') == rest.npos ? is_label(rest) : is_domain(rest);
}

/// The text of a member, or what is wrong with it in `errors`.
std::string read_text(const json::object& from, const char* name, field_errors& errors) {
    const auto* found = from.if_contains(name);
    if (found == nullptr)
        errors[name] = "is missing";
    else if (!found->is_string())
        errors[name] = "must be a text";
    else
        return std::string{found->get_string()};
    return {};
}

}  // namespace

bool is_email(std::string_view text) {
    const auto at = text.rfind('@');
    return at != text.npos && text.size() <= email_max && is_local_part(text.substr(0, at)) &&
           is_domain(text.substr(at + 1));
}

std::variant<form, field_errors, no_object> read_form(std::string_view body) {
    json::error_code error;
    const auto parsed = json::parse(json::string_view{body.data(), body.size()}, error);
    if (error)
        return no_object{"the body is no JSON: " + error.message()};
    if (!parsed.is_object())
        return no_object{"the body is no JSON object"};

    field_errors errors;
    form filled{read_text(parsed.get_object(), "email", errors),
                read_text(parsed.get_object(), "password", errors)};
    if (!errors.contains("email") && !is_email(filled.email))
        errors["email"] = "is no e-mail address";
    if (!errors.contains("password")) {
        if (filled.password.size() < password_min)
            errors["password"] = "must have at least 8 characters";
        else if (filled.password.size() > password_max)
            errors["password"] = "must have at most 256 characters";
    }
    if (!errors.empty())
        return errors;
    return filled;
}

}  // namespace signup_demo
