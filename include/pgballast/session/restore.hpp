// What has to be said to a backend so that it becomes a client's own: the text
// that goes in front of the client's first bytes.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pgballast/session/reported.hpp"
#include "pgballast/sql/resets.hpp"

namespace pgballast::session {

/// What a client asked for in its startup packet beyond what servers report, by
/// name: `options=-c search_path=app`, `statement_timeout` … Shared by all
/// sessions of the client and by the backends it was applied to.
using startup_settings = std::vector<std::pair<std::string, std::string>>;
using startup_settings_ptr = std::shared_ptr<const startup_settings>;

struct restoration {
    std::string text;  // one Query; empty when nothing is to be done

    /// The text may fail, and then nothing of the client may run: its answer has to
    /// be waited for unless this backend has accepted the very same text before.
    bool may_fail = false;

    /// It may fail tomorrow although it worked today (roles come and go).
    bool always_wait = false;
};

/// How to turn a backend that reports `has` and carries the startup settings
/// `applied` (their names at least, if they have been `changed`) into one that reports
/// `wants` (where clients may set that) and carries `wanted`. Null pointers stand for
/// no settings.
restoration plan_restoration(const reported& has, const reported& wants,
                             const startup_settings_ptr& applied, bool changed,
                             const startup_settings_ptr& wanted);

/// The same for a backend that somebody else has used, and may have changed anyhow.
restoration plan_clean_restoration(const reported& at_login, const reported& wants,
                                   const reported& told_at_startup,
                                   const startup_settings_ptr& wanted);

/// Where a client wants what a fresh backend has, but came with something else, it must be
/// seen to have set that: after a RESET of another setting `startup_query` asks.
void plan_explicit(restoration& plan, const reported& has, const reported& wants,
                   const reported& told_at_startup);

/// Takes everything from a backend that a client may have left on it, but for statements
/// prepared under pgballast's own names. Like DISCARD ALL, which must stand alone in a Query,
/// it goes back to what was at login. Statements of the client's own making, by PREPARE, stay.
inline constexpr const char* clean_session =
    "set session authorization default;reset all;close all;unlisten *;"
    "select pg_catalog.pg_advisory_unlock_all();discard sequences;discard temp;";

/// The role or the session authorization: roles come and go, and a look tells them anyway.
bool is_identity(wire::bytes name) noexcept;

/// Whether `clean_session` could fail on a backend that has these settings.
bool cleaning_may_fail(const startup_settings_ptr& settings) noexcept;

/// What the client has reset is at the backend's values at login, and should be at the
/// client's: the Query that sets it; empty if nothing differs.
std::string startup_query(const reported& at_login, const reported& told_at_startup,
                          const startup_settings_ptr& startup, const sql::resets& which);

/// The names of what makes a client differ from a backend fresh from its login, in a list
/// for people. Values may be secrets.
std::string names_of_own_settings(const reported& at_login, const reported& of_client,
                                  const startup_settings_ptr& startup);

/// The tag of a command that may have changed a setting which no server reports.
bool changes_settings(wire::bytes command_tag) noexcept;

/// `value` as an SQL literal that reads the same whatever
/// standard_conforming_strings and client_encoding are.
std::string quote_literal(wire::bytes value);

/// `name` as a quoted SQL identifier; dots separate the parts of a custom name.
std::string quote_parameter_name(wire::bytes name);

}  // namespace pgballast::session
