// Questions to the system catalogs.
#pragma once

namespace pgballast::session::catalog {

/// One row, 't' or 'f': nothing that a plain SELECT, INSERT, UPDATE or DELETE could run in
/// this database is user code. Built-in objects have OIDs below 16384
/// (FirstNormalObjectId). Views, rules, policies, operators, casts, defaults and check
/// constraints can hide calls of built-in functions, so they count as code too, but for
/// the defaults and constraints that everybody has; `>=` itself may be somebody's operator.
inline constexpr const char* holds_no_user_code =
    "select not exists (select from pg_catalog.pg_proc"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_rewrite"  // of views too
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_policy)"
    " and not exists (select from pg_catalog.pg_operator"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_cast"
    " where oid operator(pg_catalog.>=) 16384)"
    " and not exists (select from pg_catalog.pg_type"
    " where oid operator(pg_catalog.>=) 16384 and typdefaultbin is not null)"
    " and not exists (select from pg_catalog.pg_constraint"
    " where contypid operator(pg_catalog.>=) 16384)"
    // Without a parenthesis nothing is called.
    " and not exists (select from pg_catalog.pg_attrdef"
    " where pg_catalog.pg_get_expr(adbin, adrelid) operator(pg_catalog.!~)"
    " '^([^(]*|nextval\\(''[^'']*''::regclass\\)|now\\(\\)|gen_random_uuid\\(\\)"
    "|timezone\\(''[^'']*''::text, now\\(\\)\\))$')"
    " and not exists (select from pg_catalog.pg_constraint"
    " where contype operator(pg_catalog.=) 'c' and conrelid operator(pg_catalog.>=) 16384"
    " and pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(oid),"
    " '(^|[^a-z_.])(char_length|length|lower|upper|btrim|abs)\\(', '\\1(', 'g')"
    " operator(pg_catalog.~) '[[:alnum:]_\"]\\(');";

}  // namespace pgballast::session::catalog
