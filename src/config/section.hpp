// One map of the configuration file, read key by key; every mistake is noted.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/config/document.hpp"
#include "pgballast/config/environment.hpp"
#include "pgballast/config/names.hpp"
#include "pgballast/config/nearest.hpp"

namespace pgballast::config::detail {

/// What all sections of a file share.
struct reading {
    const std::string& file;
    const environment& env;
    std::vector<config_error> errors{};
    std::vector<std::string> notes{};

    void error(unsigned line, std::string key, std::string message);
};

/// The keys asked for are the keys known: after the last, call reject_unknown_keys().
/// A wrong value is noted and leaves `out` as it was, as an absent or null one does.
class section {
 public:
    /// `map` must outlive the section. A null counts as an empty map.
    section(const entry& map, std::string path, reading& file);

    void read(std::string_view key, std::string& out);
    void read(std::string_view key, bool& out);
    void read(std::string_view key, unsigned& out, unsigned min, unsigned max);
    void read(std::string_view key, milliseconds& out, milliseconds min = milliseconds{0});
    void read_size(std::string_view key, std::size_t& out, std::size_t min, std::size_t max);
    template <typename E>
    requires(!names<E>.empty()) void read(std::string_view key, E& out);

    /// The text of a key that is given, with its variables put in.
    std::optional<std::string> read_text(std::string_view key);

    /// The contents of the file that `key` names, without the newline at the end.
    std::optional<std::string> read_secret_file(std::string_view key);

    /// A map inside, empty where absent.
    section sub(std::string_view key);

    /// The value of a key that is given and not null.
    const node* find(std::string_view key);

    /// The text of a scalar with its variables put in; `path` says where it stands.
    std::optional<std::string> text_of(const node& value, std::string path);

    const std::vector<entry>& entries() const { return entries_; }
    std::string path(std::string_view key) const;
    reading& file() { return *file_; }

    /// Notes a mistake on the line of a key, or of an inner section in `section.key`.
    void error(std::string_view key, std::string message);

    void reject_unknown_keys();

 private:
    void reject_duplicates();
    const entry* find_entry(std::string_view key) const;

    unsigned line_;
    const std::vector<entry>& entries_;
    std::string path_;
    reading* file_;
    std::vector<std::string_view> known_;
};

template <typename E>
requires(!names<E>.empty()) void section::read(std::string_view key, E& out) {
    const auto found = read_text(key);
    if (!found)
        return;
    if (const auto value = from_name<E>(*found))
        out = *value;
    else
        error(key, "found " + quote(*found) + ", " + expected_one_of(names<E>, *found));
}

}  // namespace pgballast::config::detail
