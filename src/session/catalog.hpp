// Questions to the system catalogs. No backslash in them: what it means is the client's to set.
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
    " '^([^(]*|nextval[(]''[^'']*''::regclass[)]|now[(][)]|gen_random_uuid[(][)]"
    "|timezone[(]''[^'']*''::text, now[(][)][)])$')"
    " and not exists (select from pg_catalog.pg_constraint"
    " where contype operator(pg_catalog.=) 'c' and conrelid operator(pg_catalog.>=) 16384"
    " and pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(oid),"
    " '(^|[^a-z_.])(char_length|length|lower|upper|btrim|abs)[(]', ' (', 'g')"
    " operator(pg_catalog.~) '[[:alnum:]_\"][(]');";

/// Behind it: name, source and language of each function that may change what is looked at
/// in a session, and whether somebody may run it without naming it: through another function,
/// a trigger, or anything else that depends on it. A body of the standard's kind (BEGIN ATOMIC)
/// has no source of its own.
inline constexpr const char* code_that_may_change_sessions =
    "select p.proname, case when p.prosrc operator(pg_catalog.=) ''"
    " then pg_catalog.pg_get_functiondef(p.oid)"
    " else p.prosrc end, l.lanname,"
    " p.prorettype operator(pg_catalog.=) 2279::pg_catalog.oid"
    " or p.prorettype operator(pg_catalog.=) 3838::pg_catalog.oid"
    " or exists (select from pg_catalog.pg_depend d"
    " where d.refclassid operator(pg_catalog.=) 1255::pg_catalog.oid"
    " and d.refobjid operator(pg_catalog.=) p.oid)"
    " or exists (select from pg_catalog.pg_proc q"
    " where q.oid operator(pg_catalog.>=) 16384 and q.oid operator(pg_catalog.<>) p.oid"
    " and pg_catalog.strpos(q.prosrc, p.proname) operator(pg_catalog.>) 0)"
    " from pg_catalog.pg_proc p"
    " join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang"
    " where p.oid operator(pg_catalog.>=) 16384"
    " and l.lanname operator(pg_catalog.<>) 'c'"
    " and l.lanname operator(pg_catalog.<>) 'internal'"
    " and p.prokind operator(pg_catalog.<>) 'a'"
    " and (p.prosrc operator(pg_catalog.=) '' or p.prosrc operator(pg_catalog.~*)"
    " '(^|[^a-z0-9_])(set|reset|set_config|load|currval|lastval|setseed)([^a-z0-9_]|$)');";

}  // namespace pgballast::session::catalog
