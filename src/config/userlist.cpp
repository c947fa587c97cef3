#include "pgballast/config/userlist.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "pgballast/auth/scram.hpp"

namespace pgballast::config {
namespace {

constexpr std::string_view blank = " \t\r";

void skip_blank(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blank), rest.size()));
}

/// A quoted text off the front; nothing where there is none that ends.
std::optional<std::string> take_quoted(std::string_view& rest) {
    if (!rest.starts_with('"'))
        return std::nullopt;
    std::string out;
    for (std::size_t at = 1; at < rest.size(); ++at) {
        if (rest[at] != '"') {
            out.push_back(rest[at]);
            continue;
        }
        if (at + 1 < rest.size() && rest[at + 1] == '"') {
            out.push_back(rest[++at]);
            continue;
        }
        rest.remove_prefix(at + 1);
        return out;
    }
    return std::nullopt;
}

bool is_md5(std::string_view secret) {
    return secret.size() == 35 && secret.starts_with("md5") &&
           secret.find_first_not_of("0123456789abcdef", 3) == std::string_view::npos;
}

/// Nothing is wrong with an empty message.
std::string read_line(std::string_view line, user& out) {
    auto name = take_quoted(line);
    skip_blank(line);
    auto secret = take_quoted(line);
    if (!name || !secret)
        return "expected \"name\" \"password\"";
    if (name->empty())
        return "an empty name";
    out.name = std::move(*name);
    if (secret->starts_with("SCRAM-SHA-256$")) {
        if (!auth::parse_scram_verifier(*secret))
            return "a SCRAM-SHA-256 verifier that cannot be read";
        out.scram = std::move(*secret);
    } else if (is_md5(*secret))
        out.md5 = std::move(*secret);
    else
        out.password = std::move(*secret);
    return {};
}

bool has_secret(const user& one) {
    return !(one.password.empty() && one.scram.empty() && one.md5.empty());
}

}  // namespace

boost::system::result<std::vector<user>, parse_error> parse_userlist(std::string_view text) {
    std::vector<user> out;
    std::unordered_map<std::string, std::size_t> places;
    for (unsigned number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        skip_blank(line);
        if (line.empty() || line.front() == ';' || line.front() == '#')
            continue;
        user next;
        if (auto wrong = read_line(line, next); !wrong.empty())
            return parse_error{"line " + std::to_string(number) + ": " + wrong};
        const auto [place, is_new] = places.emplace(next.name, out.size());
        if (is_new)
            out.emplace_back();
        out[place->second] = std::move(next);
    }
    std::erase_if(out, [](const user& one) { return !has_secret(one); });
    return {boost::system::in_place_value, std::move(out)};
}

}  // namespace pgballast::config
