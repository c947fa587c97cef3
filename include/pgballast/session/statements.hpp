// Prepared statements as the proxy knows them: what was parsed, under which settings, and
// the name that backends know it by.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>

#include "pgballast/session/reported.hpp"
#include "pgballast/session/restore.hpp"
#include "pgballast/sql/traceless.hpp"

namespace pgballast::session {

/// What a Parse has made, whoever sent it. Immutable; whoever has a name for it shares it.
struct statement {
    std::string server_name;
    std::string definition;                 // wire::parse_fields::definition
    sql::trace left = sql::trace::unknown;  // by each run

    wire::bytes text() const noexcept;
};

using statement_ptr = std::shared_ptr<const statement>;

/// Whether Parse looks at that setting.
bool is_looked_at_by_parse(wire::bytes setting) noexcept;

/// The settings that Parse looks at, as one text: a statement means the same to two clients
/// only where these are equal. `told` is what the server reports to the client, `own` what
/// it has set of all else, in any order; of two entries of a name the last one counts.
std::string fingerprint_of(const reported& told, const startup_settings& own);

/// The statements that clients of one worker have, each once. Not thread-safe. It owns none
/// of them: a statement is forgotten some time after its last owner is gone.
class statement_registry {
 public:
    /// The one statement of that definition and fingerprint. Its server name follows from
    /// these alone, so that all workers, and all proxies of a pooled server, agree on it.
    ///
    /// Throws std::runtime_error where libcrypto fails.
    statement_ptr share(wire::bytes definition, wire::bytes fingerprint);

    /// A statement of a client that shares its backend with nobody: by its own name.
    static statement_ptr named(wire::bytes name, wire::bytes definition);

    /// A statement that is nobody else's, by a name that is unique in this process.
    static constexpr wire::bytes alone_prefix = "pgballast_alone_";
    static statement_ptr alone(wire::bytes definition);

    /// Statements known, those included that are gone but not forgotten yet: at most twice
    /// as many as there were at the last pruning, which is done when that is reached.
    std::size_t size() const noexcept { return known_.size(); }

 private:
    using digest = std::array<unsigned char, 16>;

    struct digest_hash {
        std::size_t operator()(const digest& of) const noexcept;
    };

    static digest digest_of(wire::bytes definition, wire::bytes fingerprint);
    void prune();

    static constexpr std::size_t prune_min = 64;
    std::size_t prune_at_ = prune_min;
    std::unordered_map<digest, std::weak_ptr<const statement>, digest_hash> known_;
};

using statement_registry_ptr = std::shared_ptr<statement_registry>;

}  // namespace pgballast::session
