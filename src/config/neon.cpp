#include "pgballast/config/neon.hpp"

#include <algorithm>
#include <array>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/replace.hpp>

namespace pgballast::config {
namespace {

constexpr auto domains = std::to_array<std::string_view>({".neon.tech", ".neon.build"});
constexpr std::string_view pooler_suffix = "-pooler";

config_error error_of(std::string key, std::string message) {
    return {.file = {}, .line = 0, .key = std::move(key), .message = std::move(message)};
}

std::optional<config_error> verify_tls(dsn& upstream) {
    if (upstream.sslmode == sslmode::disable)
        return error_of("upstream", "sslmode: found 'disable', but Neon accepts only TLS");
    const bool own_roots = !upstream.sslrootcert.empty() && upstream.sslrootcert != "system";
    if (own_roots)
        return {};
    upstream.sslmode = sslmode::verify_full;
    upstream.sslrootcert = "system";
    return {};
}

std::string first_label(std::string_view host) {
    return std::string{host.substr(0, host.find('.'))};
}

void replace_pooler(dsn& upstream, endpoint& place, std::string direct) {
    // Where the endpoint is named as an option too, the two must agree.
    boost::algorithm::replace_all(upstream.options, "endpoint=" + first_label(place.host),
                                  "endpoint=" + first_label(direct));
    place.host = std::move(direct);
}

}  // namespace

bool is_neon_host(std::string_view host) {
    if (host.ends_with('.'))
        host.remove_suffix(1);
    const auto lower = boost::algorithm::to_lower_copy(std::string{host});
    const auto is_under = [&](std::string_view domain) {
        return lower.size() > domain.size() && lower.ends_with(domain);
    };
    return std::ranges::any_of(domains, is_under);
}

std::optional<std::string> direct_host(std::string_view pooler_host) {
    const auto label = first_label(pooler_host);
    const auto lower = boost::algorithm::to_lower_copy(label);
    if (!is_neon_host(pooler_host) || lower.size() <= pooler_suffix.size() ||
        !lower.ends_with(pooler_suffix))
        return {};
    return label.substr(0, label.size() - pooler_suffix.size()) +
           std::string{pooler_host.substr(label.size())};
}

std::optional<config_error> apply_neon_rules(database& db, std::vector<std::string>& notes) {
    auto& upstream = db.upstream;
    if (std::ranges::none_of(upstream.hosts, is_neon_host, &endpoint::host))
        return {};
    if (auto error = verify_tls(upstream))
        return error;

    for (auto& place : upstream.hosts) {
        auto direct = direct_host(place.host);
        if (!direct)
            continue;
        if (db.neon_pooler == neon_pooler::replace) {
            notes.push_back("database " + db.name + ": " + *direct + " instead of " + place.host +
                            ", Neon's own pooler, behind which sessions cannot be kept");
            replace_pooler(upstream, place, std::move(*direct));
            continue;
        }
        if (db.pool.mode == pool_mode::session)
            return error_of("pool.mode",
                            "found 'session', but behind Neon's own pooler "
                            "(neon_pooler: keep) only transaction is possible");
        if (db.pool.mode == pool_mode::automatic) {
            db.pool.mode = pool_mode::transaction;
            notes.push_back("database " + db.name +
                            ": pool mode transaction, the only one behind Neon's own pooler");
        }
    }
    return {};
}

}  // namespace pgballast::config
