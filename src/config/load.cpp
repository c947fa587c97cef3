#include "pgballast/config/load.hpp"

#include "database_rules.hpp"
#include "files.hpp"
#include "pgballast/config/document.hpp"
#include "pgballast/config/dsn.hpp"
#include "pgballast/config/names.hpp"
#include "pgballast/config/nearest.hpp"
#include "pgballast/config/values.hpp"
#include "pgballast/config/yaml.hpp"

namespace pgballast::config {
namespace {

using errors = std::vector<config_error>;

config_error error_of(std::string key, std::string message) {
    return {.file = {}, .line = 0, .key = std::move(key), .message = std::move(message)};
}

snapshot load_file(const std::filesystem::path& path, const environment& env, errors& wrong) {
    const auto text = detail::read_file(path, document_size_max);
    if (!text) {
        wrong.push_back(error_of("--config", text.error().message));
        return {};
    }
    auto parsed = parse_yaml(*text, path.string(), env);
    if (parsed)
        return std::move(*parsed);
    wrong = parsed.error();
    return {};
}

void override_settings(snapshot& out, const overrides& command_line, errors& wrong) {
    if (const auto& text = command_line.listen) {
        if (auto place = parse_listen(*text))
            out.listen = {std::move(*place)};
        else
            wrong.push_back(error_of("--listen", place.error().message));
    }
    if (const auto& text = command_line.admin) {
        if (auto place = parse_admin_listen(*text))
            out.admin = std::move(*place);
        else
            wrong.push_back(error_of("--admin", place.error().message));
    }
    if (const auto& text = command_line.log_level) {
        if (const auto level = from_name<log_level>(*text))
            out.log.level = *level;
        else
            wrong.push_back(error_of("--log-level", "found " + quote(*text) + ", " +
                                                        expected_one_of(names<log_level>, *text)));
    }
}

/// A connection string from outside the file; `key` says from where.
struct outside_upstream {
    std::string key;
    std::string text;
};

std::optional<outside_upstream> find_upstream(const overrides& command_line, bool from_environment,
                                              const environment& env) {
    if (command_line.upstream)
        return outside_upstream{"--upstream", *command_line.upstream};
    if (!from_environment)
        return {};
    for (const auto* name : {"NEON_DB_URL", "DATABASE_URL"})
        if (auto text = env(name); text && !text->empty())
            return outside_upstream{name, std::move(*text)};
    return {};
}

void serve_upstream(snapshot& out, const outside_upstream& upstream, errors& wrong) {
    auto parsed = parse_dsn(upstream.text);
    if (!parsed) {
        wrong.push_back(error_of(upstream.key, parsed.error().message));
        return;
    }
    database own;
    own.upstream = std::move(*parsed);
    own.name = own.upstream.dbname.empty() ? own.upstream.user : own.upstream.dbname;

    out.notes.clear();
    if (auto error = detail::complete(own, out.notes)) {
        wrong.push_back(error_of(upstream.key, std::move(error->message)));
        return;
    }
    auto others = own;
    others.name = "*";
    out.databases = {std::move(own), std::move(others)};
}

}  // namespace

boost::system::result<snapshot, std::vector<config_error>> load(
    const std::optional<std::filesystem::path>& file, const overrides& command_line,
    const environment& env) {
    errors wrong;
    auto out = file ? load_file(*file, env, wrong) : snapshot{};
    const bool file_is_right = wrong.empty();
    override_settings(out, command_line, wrong);

    // What a broken file would have served is not known.
    const bool from_environment = file_is_right && out.databases.empty();
    if (const auto upstream = find_upstream(command_line, from_environment, env))
        serve_upstream(out, *upstream, wrong);
    else if (from_environment && command_line.needs_database)
        wrong.push_back(error_of("databases",
                                 "there is none: set NEON_DB_URL or DATABASE_URL, or give "
                                 "--upstream or a configuration file"));
    if (!wrong.empty()) {
        wrong.resize(std::min(wrong.size(), errors_max));
        return wrong;
    }
    return out;
}

}  // namespace pgballast::config
