// Questions to the system catalogs. No backslash in them: what it means is the client's to set.
// And no function that opens the relation it is asked about, as pg_get_expr() does: it would
// wait for whoever holds a lock on that.
#pragma once

#include <string>
#include <string_view>

namespace pgballast::session::catalog {

/// One row, 't' or 'f': nothing that a plain SELECT, INSERT, UPDATE or DELETE could run in
/// this database is user code. Built-in objects have OIDs below 16384
/// (FirstNormalObjectId). Views, rules, policies, operators and casts can hide calls of
/// built-in functions, so they count as code too; defaults and check constraints everybody
/// has, so of these only those that call something volatile: not nextval (1574), random (1598),
/// clock_timestamp (2649) or gen_random_uuid (3432), which leave nothing, or, nextval, what
/// INSERT is known for. `>=` itself may be somebody's operator.
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
    " and not exists (select from pg_catalog.pg_attrdef d,"
    " pg_catalog.regexp_matches(d.adbin::pg_catalog.text, ':funcid ([0-9]+)', 'g') f(id)"
    " join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) f.id[1]::pg_catalog.oid"
    " where p.provolatile operator(pg_catalog.=) 'v' and"
    " p.oid operator(pg_catalog.<>) all ('{1574,1598,2649,3432}'::pg_catalog.oid[]))"
    " and not exists (select from pg_catalog.pg_constraint c,"
    " pg_catalog.regexp_matches(c.conbin::pg_catalog.text, ':funcid ([0-9]+)', 'g') f(id)"
    " join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) f.id[1]::pg_catalog.oid"
    " where c.contype operator(pg_catalog.=) 'c' and c.conrelid operator(pg_catalog.>=) 16384"
    " and p.provolatile operator(pg_catalog.=) 'v' and"
    " p.oid operator(pg_catalog.<>) all ('{1598,2649,3432}'::pg_catalog.oid[]));";

/// Of a function `p` in pg_proc: somebody may run it without naming it, through a trigger, another
/// function, or anything else that depends on it. The source of a function in C (13) is a symbol,
/// and names none; the functions of a foreign data wrapper (2328) have no session's state.
inline const std::string runs_unnamed =
    "p.prorettype operator(pg_catalog.=) 2279::pg_catalog.oid"
    " or p.prorettype operator(pg_catalog.=) 3838::pg_catalog.oid"
    " or exists (select from pg_catalog.pg_depend d"
    " where d.refclassid operator(pg_catalog.=) 1255::pg_catalog.oid"
    " and d.classid operator(pg_catalog.<>) 2328::pg_catalog.oid"
    " and d.refobjid operator(pg_catalog.=) p.oid)"
    " or exists (select from pg_catalog.pg_proc q"
    " where q.oid operator(pg_catalog.>=) 16384 and q.oid operator(pg_catalog.<>) p.oid"
    " and q.prolang operator(pg_catalog.<>) 13::pg_catalog.oid"
    " and pg_catalog.strpos(q.prosrc, p.proname) operator(pg_catalog.>) 0)";

/// The expressions that the database holds: views, rules, defaults, policies, constraints, and
/// bodies of the standard's kind (BEGIN ATOMIC), which have no source and, before PostgreSQL 14,
/// no column either.
inline const std::string expressions =
    "select ev_action::pg_catalog.text from pg_catalog.pg_rewrite"
    " where oid operator(pg_catalog.>=) 16384"
    " union all select adbin::pg_catalog.text from pg_catalog.pg_attrdef"
    " union all select polqual::pg_catalog.text from pg_catalog.pg_policy"
    " union all select polwithcheck::pg_catalog.text from pg_catalog.pg_policy"
    " union all select typdefaultbin::pg_catalog.text from pg_catalog.pg_type"
    " where oid operator(pg_catalog.>=) 16384"
    " union all select conbin::pg_catalog.text from pg_catalog.pg_constraint"
    " where oid operator(pg_catalog.>=) 16384"
    " union all select pg_catalog.jsonb_object_field_text(pg_catalog.to_jsonb(p), 'prosqlbody')"
    " from pg_catalog.pg_proc p where p.oid operator(pg_catalog.>=) 16384"
    " and p.prosrc operator(pg_catalog.=) ''";

/// What the source of a function, or an expression that the database holds, would have to
/// contain to do something: a regular expression, and OIDs of built-in functions, one or the
/// other.
struct code_signs {
    std::string_view words;
    std::string_view functions;
};

/// To take a lock of the session; to make what a session keeps; to set anything.
inline constexpr std::string_view lock_functions =
    "2880|2881|2882|2883|2884|2885|2886|2887|2888|2889";
inline constexpr code_signs locks{"advisory", lock_functions};
inline constexpr code_signs keeps{
    "advisory|dblink|(^|[^a-z0-9_])(temp|temporary|listen|prepare|hold|load|execute|discard)"
    "([^a-z0-9_]|$)",
    lock_functions};
inline constexpr code_signs sets{
    "advisory|dblink|(^|[^a-z0-9_])(temp|temporary|listen|prepare|hold|load|execute|discard|"
    "set|reset|set_config|setseed|currval|lastval)([^a-z0-9_]|$)",
    "2078|1599|1575|2559|2880|2881|2882|2883|2884|2885|2886|2887|2888|2889"};

/// One row, 't' or 'f': no code of the database's users bears such signs. `unnamed`: of functions
/// only those count that `runs_unnamed`.
inline std::string holds_no_code_with(const code_signs& of, bool unnamed) {
    std::string text =
        "select not exists (select from pg_catalog.pg_proc p"
        " where p.oid operator(pg_catalog.>=) 16384 and p.prosrc operator(pg_catalog.~*) '";
    text.append(of.words).append(unnamed ? "' and (" + runs_unnamed + "))" : "')");
    text += " and not exists (select from (" + expressions +
            ") expressions(tree) where tree operator(pg_catalog.~) ':funcid (";
    return text.append(of.functions).append(") ');");
}

/// Behind `holds_no_user_code`: name, source and language of each function that may change what is
/// looked at in a session, and whether it `runs_unnamed`. Behind those, calls that hide in
/// expressions.
inline std::string code_that_may_change_sessions() {
    return "select p.proname, p.prosrc, l.lanname, " + runs_unnamed +
           " from pg_catalog.pg_proc p"
           " join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang"
           " where p.oid operator(pg_catalog.>=) 16384"
           " and l.lanname operator(pg_catalog.<>) 'c'"
           " and l.lanname operator(pg_catalog.<>) 'internal'"
           " and p.prokind operator(pg_catalog.<>) 'a'"
           " and p.prosrc operator(pg_catalog.~*)"
           " '(^|[^a-z0-9_])(set|reset|set_config|load|currval|lastval|setseed)([^a-z0-9_]|$)'"
           " union all select 'an expression', called.source, 'sql', true"
           " from (values (':funcid 2078 ', 'select set_config(name, value, false)'),"
           " (':funcid 1599 ', 'select setseed(0)'),"
           " (':funcid 1575 ', 'select currval(sequence)'),"
           " (':funcid 2559 ', 'select lastval()')) called(by, source)"
           " where exists (select from (" +
           expressions +
           ") expressions(tree)"
           " where pg_catalog.strpos(tree, called.by) operator(pg_catalog.>) 0);";
}

}  // namespace pgballast::session::catalog
