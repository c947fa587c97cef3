#include "tree.hpp"

#include <pg_query.h>

#include <memory>
#include <string>

namespace pgballast::sql {
namespace {

namespace json = boost::json;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// At least as many as there are, since those in strings and comments count too. Closing brackets
/// do not: they open nothing.
std::size_t words_and_signs(std::string_view text) {
    static constexpr std::string_view neither = " \t\n\r\f\v0123456789,.;'\"$)]";
    std::size_t count = 0;
    bool in_word = false;
    for (const char c : text) {
        const bool letter = is_letter(c);
        if (!(letter && in_word) && neither.find(c) == neither.npos)
            ++count;
        in_word = letter;
    }
    return count;
}

bool may_be_parsed(std::string_view text) {
    return text.size() <= text_max && text.find('\\') == text.npos &&
           text.find('\0') == text.npos && words_and_signs(text) <= words_and_signs_max;
}

struct free_result {
    void operator()(PgQueryParseResult* result) const { pg_query_free_parse_result(*result); }
};

}  // namespace

// libpg_query keeps its state per thread (__thread), in memory that goes when the thread ends.
std::optional<json::array> statements_of(std::string_view text) {
    if (!may_be_parsed(text))
        return std::nullopt;
    auto parsed = pg_query_parse(std::string{text}.c_str());
    const std::unique_ptr<PgQueryParseResult, free_result> owned{&parsed};
    if (parsed.error)
        return std::nullopt;

    boost::system::error_code error;  // names that are not UTF-8, too
    json::parse_options options;
    options.max_depth = depth_max;
    auto tree = json::parse(parsed.parse_tree, error, {}, options);
    if (error || !tree.is_object())
        return std::nullopt;
    auto* statements = tree.get_object().if_contains("stmts");
    if (!statements || !statements->is_array())
        return std::nullopt;
    return std::move(statements->get_array());
}

std::optional<node> node_in(const json::value& value) {
    const auto* object = value.if_object();
    if (!object || object->size() != 1)
        return std::nullopt;
    const auto& only = *object->begin();
    const std::string_view type{only.key().data(), only.key().size()};
    if (type.front() < 'A' || type.front() > 'Z' || !only.value().is_object())
        return std::nullopt;
    return node{type, &only.value().get_object()};
}

std::string_view string_in(const json::object& members, std::string_view name) {
    const auto* value = members.if_contains({name.data(), name.size()});
    if (!value || !value->is_string())
        return {};
    return {value->get_string().data(), value->get_string().size()};
}

const json::array& list_in(const json::object& members, std::string_view name) {
    static const json::array empty;
    const auto* value = members.if_contains({name.data(), name.size()});
    return value && value->is_array() ? value->get_array() : empty;
}

std::string_view name_in(const json::value& value) {
    const auto name = node_in(value);
    return name && name->type == "String" ? string_in(*name->members, "sval") : std::string_view{};
}

}  // namespace pgballast::sql
