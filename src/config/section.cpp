#include "section.hpp"

#include <algorithm>

#include "files.hpp"
#include "pgballast/config/values.hpp"
#include "pgballast/config/yaml.hpp"

namespace pgballast::config::detail {
namespace {

constexpr std::string_view name_of(node::kind kind) {
    switch (kind) {
        case node::kind::null:
            return "nothing";
        case node::kind::scalar:
            return "a single value";
        case node::kind::sequence:
            return "a list";
        case node::kind::map:
            return "a map";
    }
    return {};
}

const std::vector<entry>& entries_of_map(const node& value) {
    static const std::vector<entry> none;
    return value.type == node::kind::map ? value.entries : none;
}

std::string describe(std::size_t bytes) {
    if (bytes >= 1 << 20)
        return std::to_string(bytes >> 20) + "MiB";
    return std::to_string(bytes >> 10) + "KiB";
}

}  // namespace

void reading::error(unsigned line, std::string key, std::string message) {
    if (errors.size() < errors_max)
        errors.push_back({file, line, std::move(key), std::move(message)});
}

section::section(const entry& map, std::string path, reading& file)
    : line_(map.line), entries_(entries_of_map(map.value)), path_(std::move(path)), file_(&file) {
    const auto kind = map.value.type;
    if (kind != node::kind::map && kind != node::kind::null)
        file_->error(line_, path_,
                     "found " + std::string{name_of(kind)} + ", expected a map (key: value)");
    reject_duplicates();
}

void section::reject_duplicates() {
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
        const auto first = std::find_if(entries_.begin(), it,
                                        [&](const entry& other) { return other.key == it->key; });
        if (first != it)
            file_->error(it->line, path(it->key),
                         "given twice, first on line " + std::to_string(first->line));
    }
}

std::string section::path(std::string_view key) const {
    if (path_.empty() || key.empty())
        return path_ + std::string{key};
    return path_ + '.' + std::string{key};
}

const entry* section::find_entry(std::string_view key) const {
    const auto found = std::ranges::find(entries_, key, &entry::key);
    return found == entries_.end() ? nullptr : &*found;
}

const node* section::find(std::string_view key) {
    if (std::ranges::count(known_, key) == 0)
        known_.push_back(key);
    const auto* found = find_entry(key);
    return found && found->value.type != node::kind::null ? &found->value : nullptr;
}

section section::sub(std::string_view key) {
    static const entry none;
    const bool given = find(key) != nullptr;
    return {given ? *find_entry(key) : none, path(key), *file_};
}

void section::error(std::string_view key, std::string message) {
    const auto* found = find_entry(key.substr(0, key.find('.')));
    file_->error(found ? found->line : line_, path(key), std::move(message));
}

std::optional<std::string> section::text_of(const node& value, std::string path) {
    if (value.type != node::kind::scalar) {
        file_->error(value.line, std::move(path),
                     "found " + std::string{name_of(value.type)} + ", expected a single value");
        return {};
    }
    auto expanded = expand(value.text, file_->env);
    if (!expanded) {
        file_->error(value.line, std::move(path), expanded.error().message);
        return {};
    }
    return std::move(*expanded);
}

std::optional<std::string> section::read_text(std::string_view key) {
    const auto* value = find(key);
    if (!value)
        return {};
    return text_of(*value, path(key));
}

void section::read(std::string_view key, std::string& out) {
    if (auto found = read_text(key))
        out = std::move(*found);
}

void section::read(std::string_view key, bool& out) {
    const auto found = read_text(key);
    if (!found)
        return;
    if (const auto value = parse_bool(*found))
        out = *value;
    else
        error(key, "found " + quote(*found) + ", expected true or false");
}

void section::read(std::string_view key, unsigned& out, unsigned min, unsigned max) {
    const auto found = read_text(key);
    if (!found)
        return;
    const auto value = parse_unsigned(*found);
    if (value && *value >= min && *value <= max)
        out = static_cast<unsigned>(*value);
    else
        error(key, "found " + quote(*found) + ", expected a number from " + std::to_string(min) +
                       " to " + std::to_string(max));
}

void section::read(std::string_view key, milliseconds& out, milliseconds min) {
    const auto found = read_text(key);
    if (!found)
        return;
    const auto value = parse_duration(*found);
    if (value && *value >= min)
        out = *value;
    else
        error(key, "found " + quote(*found) + ", expected a duration such as 500ms, 30s, 5m, 1h" +
                       (min > milliseconds{0} ? " above 0" : "") + ", at most 1000d");
}

void section::read_size(std::string_view key, std::size_t& out, std::size_t min, std::size_t max) {
    const auto found = read_text(key);
    if (!found)
        return;
    const auto value = parse_size(*found);
    if (value && *value >= min && *value <= max)
        out = *value;
    else
        error(key, "found " + quote(*found) + ", expected a size from " + describe(min) + " to " +
                       describe(max));
}

std::optional<std::string> section::read_secret_file(std::string_view key) {
    const auto name = read_text(key);
    if (!name)
        return {};
    auto secret = read_secret(secret_path(*name, file_->file, file_->env));
    if (!secret) {
        error(key, secret.error().message);
        return {};
    }
    return std::move(*secret);
}

void section::reject_unknown_keys() {
    for (const auto& entry : entries_)
        if (std::ranges::count(known_, entry.key) == 0)
            file_->error(entry.line, path(entry.key),
                         "unknown key, " + expected_one_of(known_, entry.key));
}

}  // namespace pgballast::config::detail
