// What somebody who signs up has filled in.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>

namespace signup_demo {

struct form {
    std::string email;
    std::string password;
};

/// By field, what is wrong with it, in words that follow its name.
using field_errors = std::map<std::string, std::string>;

/// The body is no JSON object at all.
struct no_object {
    std::string why;
};

/// Reads `{"email", "password"}`. Further members are ignored. The address is taken as
/// HTML's `<input type=email>` takes it, with a domain of at least two labels.
std::variant<form, field_errors, no_object> read_form(std::string_view body);

bool is_email(std::string_view text);

}  // namespace signup_demo
