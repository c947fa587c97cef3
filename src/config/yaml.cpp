#include "pgballast/config/yaml.hpp"

#include <algorithm>

#include "pgballast/config/document.hpp"
#include "pgballast/config/values.hpp"
#include "yaml_sections.hpp"

namespace pgballast::config {
namespace {

using detail::reading;
using detail::section;
using std::chrono_literals::operator""ms;

void read_listen_address(section& root, const node& value, const std::string& path,
                         std::vector<endpoint>& out) {
    const auto text = root.text_of(value, path);
    if (!text)
        return;
    auto place = parse_listen(*text);
    if (!place)
        return root.file().error(value.line, path, place.error().message);
    const bool any_port = place->port == 0;
    if (!any_port && std::ranges::count(out, *place) != 0)
        return root.file().error(value.line, path, "given twice");
    out.push_back(std::move(*place));
}

void read_listen(section& root, std::vector<endpoint>& out) {
    const auto* value = root.find("listen");
    if (!value)
        return;
    out.clear();
    if (value->type != node::kind::sequence)
        return read_listen_address(root, *value, "listen", out);
    if (value->entries.empty())
        root.error("listen", "an empty list, expected at least one address");
    for (std::size_t i = 0; i < value->entries.size(); ++i)
        read_listen_address(root, value->entries[i].value, "listen[" + std::to_string(i) + ']',
                            out);
}

void read_admin(section& root, std::optional<endpoint>& out) {
    const auto* value = root.find("admin");
    const bool off = value && value->type == node::kind::scalar && parse_bool(value->text) == false;
    if (off) {
        out.reset();
        return;
    }
    auto in = root.sub("admin");
    std::string text;
    in.read("listen", text);
    in.reject_unknown_keys();
    if (text.empty())
        return;
    auto place = parse_admin_listen(text);
    if (place)
        out = std::move(*place);
    else
        in.error("listen", place.error().message);
}

void read_limits(section in, limit_settings& out) {
    in.read("clients", out.clients, 1, detail::clients_max);
    in.read("login_timeout", out.login_timeout, 1ms);
    in.read_size("message_max", out.message_max, std::size_t{64} << 10, std::size_t{1} << 30);
    in.read("drain_timeout", out.drain_timeout);
    in.reject_unknown_keys();
}

void read_log(section in, log_settings& out) {
    in.read("level", out.level);
    in.read("format", out.format);
    in.reject_unknown_keys();
}

snapshot read_root(section root) {
    snapshot out;
    read_listen(root, out.listen);
    read_admin(root, out.admin);
    out.client_tls = detail::read_client_tls(root.sub("client_tls"));
    out.databases = detail::read_databases(root.sub("databases"));
    out.users = detail::read_users(root.find("users"), root);
    read_limits(root.sub("limits"), out.limits);
    root.read("io", out.io);
    root.read("threads", out.threads, 0, 256);
    read_log(root.sub("log"), out.log);
    root.reject_unknown_keys();
    return out;
}

}  // namespace

boost::system::result<snapshot, std::vector<config_error>> parse_yaml(std::string_view text,
                                                                      const std::string& file,
                                                                      const environment& env) {
    auto document = parse_document(text);
    if (!document) {
        auto error = document.error();
        error.file = file;
        return std::vector{std::move(error)};
    }
    reading state{file, env};
    const entry root{.value = std::move(*document)};
    auto out = read_root({root, "", state});
    if (!state.errors.empty()) {
        std::ranges::stable_sort(state.errors, {}, &config_error::line);
        return std::move(state.errors);
    }
    out.notes = std::move(state.notes);
    return out;
}

}  // namespace pgballast::config
