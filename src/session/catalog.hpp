// Questions to the system catalogs.
#pragma once

namespace pgballast::session::catalog {

/// One row, 't' or 'f': nothing a plain SELECT could run in this database is user
/// code. Built-in objects have OIDs below 16384 (FirstNormalObjectId); views and
/// policies can hide calls of built-in functions, so they count as code too.
inline constexpr const char* holds_no_user_code =
    "select not exists (select from pg_catalog.pg_proc where oid >= 16384)"
    " and not exists (select from pg_catalog.pg_class where oid >= 16384 and relkind = 'v')"
    " and not exists (select from pg_catalog.pg_policy);";

}  // namespace pgballast::session::catalog
