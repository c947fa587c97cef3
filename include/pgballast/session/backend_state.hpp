// What is known of a backend, whoever it is lent to.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "pgballast/session/backend_statements.hpp"
#include "pgballast/session/message_stream.hpp"
#include "pgballast/session/reported.hpp"
#include "pgballast/session/restore.hpp"
#include "pgballast/session/transcript.hpp"

namespace pgballast::session {

/// Carried along with a backend connection from its login to its end. A session
/// that is lent the backend reads and changes it.
struct backend_state {
    explicit backend_state(reported_ptr at_login)
        : login_reported{std::move(at_login)}, reported{login_reported} {}

    message_stream stream;         // where the server's stream stands
    reported_ptr login_reported;   // what the server reported at login
    reported_ptr reported;         // what it reports now
    startup_settings_ptr applied;  // startup settings of the client it last served
    bool applied_changed = false;  // since then a SET, RESET or DISCARD ALL may have changed them

    /// Unlike any other for each time that it is lent; 0: nobody has left anything on it.
    std::uint64_t tenancy = 0;

    /// What its client has set may make cleaning fail: a timeout, another role.
    bool cleaning_may_fail = false;

    /// Its client has prepared statements by SQL, under names of its own.
    bool holds_sql_statements = false;

    /// What has been prepared on it by the protocol.
    std::unique_ptr<backend_statements> statements = std::make_unique<backend_statements>();

    /// Of the client that has it.
    transcript since_idle;

    /// Restorations this backend has carried out without an error.
    std::unordered_set<std::string> accepted;
    static constexpr std::size_t accepted_max = 64;

    void accept(const std::string& text) {
        if (accepted.size() >= accepted_max)
            accepted.clear();
        accepted.insert(text);
    }
};

/// Who the server says the session is has changed (SET SESSION AUTHORIZATION): no
/// restoration of reported parameters can undo that.
inline bool changed_identity(const backend_state& backend) noexcept {
    if (backend.reported == backend.login_reported)
        return false;
    for (const auto name : {"session_authorization", "is_superuser"}) {
        const auto* before = backend.login_reported->find(name);
        const auto* now = backend.reported->find(name);
        if ((before == nullptr) != (now == nullptr) || (now && *now != *before))
            return true;
    }
    return false;
}

}  // namespace pgballast::session
