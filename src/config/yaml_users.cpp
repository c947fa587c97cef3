#include <algorithm>

#include "files.hpp"
#include "pgballast/auth/scram.hpp"
#include "pgballast/config/userlist.hpp"
#include "yaml_sections.hpp"

namespace pgballast::config::detail {
namespace {

constexpr std::size_t userlist_size_max = std::size_t{16} << 20;

user read_user(section in) {
    user out;
    in.read("name", out.name);
    in.read("password", out.password);
    in.read("scram", out.scram);
    in.read("max_clients", out.max_clients, 0, clients_max);
    if (auto secret = in.read_secret_file("password_file"))
        out.password = std::move(*secret);

    int secrets = 0;
    for (const auto* key : {"password", "password_file", "scram"})
        secrets += in.find(key) != nullptr;
    in.reject_unknown_keys();

    if (out.name.empty())
        in.error("name", "missing");
    if (secrets != 1)
        in.error("", "expected one of password, password_file, scram");
    if (!out.scram.empty() && !auth::parse_scram_verifier(out.scram))
        in.error("scram", "expected SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>");
    return out;
}

void read_list(const node* list, section& root, std::vector<user>& out) {
    if (!list)
        return;
    if (list->type != node::kind::sequence) {
        root.error("users", "expected a list of users (- name: …)");
        return;
    }
    for (const auto& item : list->entries) {
        const auto path = "users[" + std::to_string(out.size()) + ']';
        auto next = read_user({item, path, root.file()});
        if (std::ranges::count(out, next.name, &user::name) != 0)
            root.file().error(item.line, path, "a second user " + quote(next.name));
        out.push_back(std::move(next));
    }
}

/// PgBouncer's file of users, beside those of our own, which come first.
void read_userlist_file(section& root, std::vector<user>& out) {
    const auto name = root.read_text("userlist");
    if (!name)
        return;
    const auto path = secret_path(*name, root.file().file, root.file().env);
    const auto text = read_file(path, userlist_size_max);
    if (!text)
        return root.error("userlist", text.error().message);
    auto listed = parse_userlist(*text);
    if (!listed)
        return root.error("userlist", quote(path.string()) + ", " + listed.error().message);
    for (auto& one : *listed)
        if (std::ranges::count(out, one.name, &user::name) == 0)
            out.push_back(std::move(one));
}

}  // namespace

std::vector<user> read_users(const node* list, section& root) {
    std::vector<user> out;
    read_list(list, root, out);
    read_userlist_file(root, out);
    return out;
}

}  // namespace pgballast::config::detail
