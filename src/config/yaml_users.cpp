#include <algorithm>

#include "pgballast/auth/scram.hpp"
#include "yaml_sections.hpp"

namespace pgballast::config::detail {
namespace {

user read_user(section in) {
    user out;
    in.read("name", out.name);
    in.read("password", out.password);
    in.read("scram", out.scram);
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

}  // namespace

std::vector<user> read_users(const node* list, section& root) {
    std::vector<user> out;
    if (!list)
        return out;
    if (list->type != node::kind::sequence) {
        root.error("users", "expected a list of users (- name: …)");
        return out;
    }
    for (const auto& item : list->entries) {
        const auto path = "users[" + std::to_string(out.size()) + ']';
        auto next = read_user({item, path, root.file()});
        if (std::ranges::count(out, next.name, &user::name) != 0)
            root.file().error(item.line, path, "a second user " + quote(next.name));
        out.push_back(std::move(next));
    }
    return out;
}

}  // namespace pgballast::config::detail
