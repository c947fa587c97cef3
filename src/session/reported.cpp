#include "pgballast/session/reported.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "pgballast/sql/words.hpp"
#include "pgballast/wire/messages.hpp"

namespace pgballast::session {
namespace {

struct known_parameter {
    wire::bytes name;
    bool settable;
};

// GUC_REPORT in PostgreSQL 9 to 18 (guc_tables.c), and what PgBouncer tracks.
constexpr std::array known{
    known_parameter{"application_name", true},
    known_parameter{"client_encoding", true},
    known_parameter{"DateStyle", true},
    known_parameter{"default_transaction_read_only", true},
    known_parameter{"in_hot_standby", false},
    known_parameter{"integer_datetimes", false},
    known_parameter{"IntervalStyle", true},
    known_parameter{"is_superuser", false},
    known_parameter{"scram_iterations", true},
    known_parameter{"search_path", true},
    known_parameter{"server_encoding", false},
    known_parameter{"server_version", false},
    known_parameter{"session_authorization", false},
    known_parameter{"standard_conforming_strings", true},
    known_parameter{"TimeZone", true},
};

const known_parameter* find_known(wire::bytes name) noexcept {
    const auto found = std::ranges::find_if(
        known, [&](const known_parameter& one) { return sql::same_name(one.name, name); });
    return found == known.end() ? nullptr : &*found;
}

}  // namespace

reported::reported(value_list values) : values_{std::move(values)} {
    // The last report of a name is the one that counts.
    std::ranges::stable_sort(values_, {}, &value_list::value_type::first);
    const auto last_of_name = [](const auto& one, const auto& next) {
        return one.first == next.first;
    };
    const auto kept = std::unique(values_.rbegin(), values_.rend(), last_of_name);
    values_.erase(values_.begin(), kept.base());
    if (values_.size() > max)
        values_.resize(max);
}

const std::string* reported::find(wire::bytes name) const noexcept {
    const auto found = std::ranges::lower_bound(values_, name, {}, &value_list::value_type::first);
    return found != values_.end() && found->first == name ? &found->second : nullptr;
}

reported_ptr with_value(const reported_ptr& base, wire::bytes name, wire::bytes value) {
    const auto* old = base->find(name);
    if (old ? *old == value : base->values().size() >= reported::max)
        return base;
    auto values = base->values();
    values.emplace_back(name, value);
    return std::make_shared<const reported>(std::move(values));
}

void share_equal(reported_ptr& one, reported_ptr& other) {
    if (one == other || *one != *other)
        return;
    // The lower address wins everywhere, so that in the end all are the same.
    if (std::less{}(other.get(), one.get()))
        one = other;
    else
        other = one;
}

bool is_settable(wire::bytes name) noexcept {
    const auto* one = find_known(name);
    return one && one->settable;
}

wire::bytes reported_name(wire::bytes name) noexcept {
    const auto* one = find_known(name);
    return one ? one->name : wire::bytes{};
}

void append_changes(std::string& out, const reported& before, const reported& now) {
    for (const auto& [name, value] : now.values()) {
        const auto* old = before.find(name);
        if (!old || *old != value)
            wire::append_parameter_status(out, name, value);
    }
}

}  // namespace pgballast::session
