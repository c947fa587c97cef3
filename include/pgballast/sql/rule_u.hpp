// Which statements leave nothing when they are rolled back.
#pragma once

#include <array>
#include <string_view>

namespace pgballast::sql {

/// How the names of functions begin whose effects outlive the transaction: built-in ones
/// (all of them volatile, in pg_proc.dat of PostgreSQL 15), and those of contrib.
inline constexpr auto lasting_functions = std::to_array<std::string_view>({
    "dblink",
    "lo_export",
    "pg_backup_",
    "pg_cancel_",
    "pg_copy_",
    "pg_create_",
    "pg_drop_",
    "pg_file_",
    "pg_logical_",
    "pg_promote",
    "pg_reload_",
    "pg_replication_",
    "pg_rotate_",
    "pg_start_backup",
    "pg_stop_backup",
    "pg_switch_",
    "pg_sync_replication_",
    "pg_terminate_",
    "pg_wal_replay_",
    "setval",  // nextval only leaves gaps; setval may take a sequence back twice
});

/// Whether the effects of a function of this name may outlive the transaction.
bool outlives_rollback(std::string_view function) noexcept;

/// Whether a text is one INSERT, UPDATE, DELETE, MERGE or SELECT that calls no such function by
/// name: what it did is gone when it has not committed, as far as the text tells. The
/// database's share is asked for by session/proof.hpp. Never true where parse() gives nothing.
bool rule_u_allows(std::string_view text);

}  // namespace pgballast::sql
