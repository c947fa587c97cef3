// Questions to the system catalogs.
#pragma once

namespace pgballast::session::catalog {

/// One row, 't' or 'f': nothing a plain SELECT could run in this database is user
/// code. Built-in objects have OIDs below 16384 (FirstNormalObjectId). Views, policies,
/// operators, casts and the constraints of domains can hide calls of built-in
/// functions, so they count as code too; `>=` itself may be somebody's operator.
inline constexpr const char* holds_no_user_code =
    "select not exists (select from pg_catalog.pg_proc"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_class"
    " where oid operator(pg_catalog.>=) 16384 and relkind operator(pg_catalog.=) 'v')"
    " and not exists (select from pg_catalog.pg_policy)"
    " and not exists (select from pg_catalog.pg_operator"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_cast"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_constraint"
    " where contypid operator(pg_catalog.>=) 16384);";

}  // namespace pgballast::session::catalog
