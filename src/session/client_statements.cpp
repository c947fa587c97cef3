#include "pgballast/session/client_statements.hpp"

#include <utility>

namespace pgballast::session {
namespace {

/// PostgreSQL tells names apart by so much of them (NAMEDATALEN; dynahash.c, string_hash).
wire::bytes significant(wire::bytes name) noexcept {
    return name.substr(0, 63);
}

}  // namespace

client_statements::meaning client_statements::find(wire::bytes name) const {
    const auto found = names_.look_up(significant(name));
    return {found.standing, found.value ? *found.value : statement_ptr{}};
}

std::optional<std::string> client_statements::name_of(wire::bytes server_name) const {
    return names_.find_name(
        [&](const statement_ptr& one) { return one && one->server_name == server_name; });
}

void client_statements::parse_sent(wire::bytes name, statement_ptr made) {
    assert(!name.empty() && made);
    change(name, std::move(made));
}

void client_statements::deallocate(wire::bytes name) {
    if (!name.empty())
        names_.forget(significant(name));
}

void client_statements::clear() {
    names_.forget_if([](wire::bytes name) { return !name.empty(); });
}

void client_statements::backend_lost() {
    names_.drop_changes();
    backend_left();
}

void client_statements::change(wire::bytes name, std::optional<statement_ptr> value) {
    if (!names_.skipping())
        names_.send(significant(name), std::move(value));
}

}  // namespace pgballast::session
