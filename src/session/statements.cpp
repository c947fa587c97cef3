#include "pgballast/session/statements.hpp"

#include <algorithm>
#include <atomic>
#include <boost/algorithm/hex.hpp>
#include <cstring>
#include <iterator>
#include <ranges>

#include "pgballast/sql/words.hpp"
#include "pgballast/wire/prepared.hpp"
#include "sha256.hpp"

namespace pgballast::session {
namespace {

// What turns the same text into another statement: how names are looked up, by whom, how
// the text and its octets are read, and how literals are. PostgreSQL's own cache of plans
// looks at search_path, row security and session_replication_role again at each use.
constexpr std::array parse_settings{
    "array_nulls",
    "backslash_quote",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "role",
    "search_path",
    "session_authorization",
    "TimeZone",
    "standard_conforming_strings",
    "timezone_abbreviations",
    "transform_null_equals",
    "xmloption",
};

const std::string* find_own(const startup_settings& own, wire::bytes name) {
    const auto found = std::ranges::find_if(
        own.rbegin(), own.rend(), [&](const auto& one) { return sql::same_name(one.first, name); });
    return found == own.rend() ? nullptr : &found->second;
}

statement_ptr make(std::string name, wire::bytes definition) {
    return std::make_shared<const statement>(statement{
        std::move(name), std::string{definition}, sql::trace_of(wire::query_text(definition))});
}

}  // namespace

bool is_looked_at_by_parse(wire::bytes setting) noexcept {
    return std::ranges::any_of(parse_settings,
                               [&](wire::bytes name) { return sql::same_name(name, setting); });
}

wire::bytes statement::text() const noexcept {
    return wire::query_text(definition);
}

std::string fingerprint_of(const reported& told, const startup_settings& own) {
    std::string made;
    for (const auto* name : parse_settings) {
        const auto* value = told.find(name);
        if (!value)
            value = find_own(own, name);
        if (value)  // neither can hold a zero byte
            made.append(name).append("=").append(*value).push_back('\0');
    }
    return made;
}

statement_ptr statement_registry::share(wire::bytes definition, wire::bytes fingerprint) {
    const auto key = digest_of(definition, fingerprint);
    if (const auto found = known_.find(key); found != known_.end())
        if (auto known = found->second.lock())
            return known;

    prune();
    std::string name = "pgballast_";
    boost::algorithm::hex_lower(key.begin(), key.end(), std::back_inserter(name));
    auto made = make(std::move(name), definition);
    known_[key] = made;
    return made;
}

statement_ptr statement_registry::alone(wire::bytes definition) {
    static std::atomic<std::uint64_t> last = 0;
    const auto number = last.fetch_add(1, std::memory_order_relaxed) + 1;
    std::string name{alone_prefix};
    boost::algorithm::hex_lower(&number, &number + 1, std::back_inserter(name));
    return make(std::move(name), definition);
}

statement_ptr statement_registry::named(wire::bytes name, wire::bytes definition) {
    return make(std::string{name}, definition);
}

/// The first half of SHA-256: two texts that share a name by chance or by intent are beyond
/// anybody's reach.
statement_registry::digest statement_registry::digest_of(wire::bytes definition,
                                                         wire::bytes fingerprint) {
    auto text = std::to_string(fingerprint.size()) + ':';
    text.append(fingerprint).append(definition);
    const auto whole = sha256(text);
    digest half;
    std::ranges::copy_n(whole.begin(), half.size(), half.begin());
    return half;
}

std::size_t statement_registry::digest_hash::operator()(const digest& of) const noexcept {
    std::size_t hash;
    std::memcpy(&hash, of.data(), sizeof hash);
    return hash;
}

void statement_registry::prune() {
    if (known_.size() < prune_at_)
        return;
    std::erase_if(known_, [](const auto& one) { return one.second.expired(); });
    prune_at_ = std::max(prune_min, 2 * known_.size());
}

}  // namespace pgballast::session
