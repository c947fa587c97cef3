#include "pgballast/session/proof.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "pgballast/sql/rule_u.hpp"

// As in catalog.hpp: every name and operator is qualified, no backslash is sent, and no relation
// is opened. Also no IN, BETWEEN, CASE x or USING, which look for their operators by name.
// Built-in objects have OIDs below 16384 (FirstNormalObjectId); 11 is pg_catalog, 1255 pg_proc,
// 1259 pg_class, 2606 pg_constraint, 2617 pg_operator, 3079 pg_extension, 3381 pg_statistic_ext,
// 403 and 405 are the access methods btree and hash, 12 and 13 the languages internal and C.

namespace pgballast::session {
namespace {

constexpr std::uint32_t first_normal_oid = 16384;

/// `array['…', …]::type[]`.
template <typename Names>
std::string array_of(const Names& names, std::string_view type) {
    std::string out = "array[";
    for (const auto& name : names) {
        out += out.back() == '[' ? "'" : ",'";
        for (const char c : name)
            out.append(c == '\'' ? 2 : 1, c);
        out += '\'';
    }
    return out + "]::pg_catalog." + std::string{type} + "[]";
}

/// What stands behind `with recursive named(oid) as (…)`.
///
/// `strange` are the types that no value of a built-in type turns into by itself: those of
/// extensions, mostly. A function or an operator whose every operand is of such a type cannot
/// be meant where the type of one operand is known, and is not strange.
constexpr std::string_view sets =
    ", relations(oid) as (select oid from named union"
    " select i.inhrelid from relations r join pg_catalog.pg_inherits i"
    " on i.inhparent operator(pg_catalog.=) r.oid),"
    " readable(oid, array_oid) as (select oid, typarray from pg_catalog.pg_type"
    " where oid operator(pg_catalog.>=) 16384 and (typtype operator(pg_catalog.=) 'e'"
    " or typtype operator(pg_catalog.=) 'd' and typbasetype operator(pg_catalog.<) 16384)"
    " union select t.oid, t.typarray from readable r"
    " join pg_catalog.pg_type t on t.oid operator(pg_catalog.>=) 16384"
    " and (t.oid operator(pg_catalog.=) r.array_oid or t.typtype operator(pg_catalog.=) 'd'"
    " and t.typbasetype operator(pg_catalog.=) r.oid)),"
    " strange(oid) as (select t.oid from pg_catalog.pg_type t"
    " where t.oid operator(pg_catalog.>=) 16384 and t.typcategory operator(pg_catalog.<>) 'A'"
    " and t.typtype operator(pg_catalog.=) any (array['b','r','m']::pg_catalog.\"char\"[])"
    " and not exists (select from pg_catalog.pg_cast c"
    " where c.casttarget operator(pg_catalog.=) t.oid"
    " and c.castsource operator(pg_catalog.<>) t.oid"
    " and c.castcontext operator(pg_catalog.=) 'i')),"
    " others(oid, name, may_be_meant) as (select p.oid, p.proname, p.pronargs"
    " operator(pg_catalog.=) 0 or p.pronargdefaults operator(pg_catalog.>) 0 or exists"
    " (select from pg_catalog.unnest(p.proargtypes) a(type) where not exists"
    " (select from strange s where s.oid operator(pg_catalog.=) a.type))"
    " from pg_catalog.pg_proc p where p.oid operator(pg_catalog.>=) 16384"
    " or p.pronamespace operator(pg_catalog.<>) 11),"
    " other_operators(name, may_be_meant) as (select o.oprname, exists"
    " (select from (values (o.oprleft), (o.oprright)) a(type)"
    " where a.type operator(pg_catalog.<>) 0 and not exists"
    " (select from strange s where s.oid operator(pg_catalog.=) a.type))"
    " from pg_catalog.pg_operator o where o.oid operator(pg_catalog.>=) 16384"
    " or o.oprnamespace operator(pg_catalog.<>) 11)";

/// Tables whose rows are all their own, of columns that no user's code prints or compares.
constexpr std::string_view relations_are_plain =
    " not exists (select from relations r"
    " left join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) r.oid"
    " where c.oid is null or c.relrowsecurity or c.relam operator(pg_catalog.>=) 16384"
    " or c.relkind operator(pg_catalog.<>) all (array['r','p','m']::pg_catalog.\"char\"[]))"
    " and not exists (select from relations r"
    " join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) r.oid"
    " where a.attnum operator(pg_catalog.>) 0 and not a.attisdropped"
    " and a.atttypid operator(pg_catalog.>=) 16384 and not exists"
    " (select from readable t where t.oid operator(pg_catalog.=) a.atttypid))";

/// The planner computes what is constant in keys of partitions, indexes, statistics and
/// constraints; those of domains are anybody's.
constexpr std::string_view planner_runs_no_code =
    " and not exists (select from pg_catalog.pg_depend d"
    " where d.refobjid operator(pg_catalog.>=) 16384"
    " and d.refclassid operator(pg_catalog.=) any (array[1255,2617]::pg_catalog.oid[])"
    " and (d.classid operator(pg_catalog.=) 1259 and exists (select from relations r"
    " left join pg_catalog.pg_index i on i.indrelid operator(pg_catalog.=) r.oid"
    " where d.objid operator(pg_catalog.=) r.oid or d.objid operator(pg_catalog.=) i.indexrelid)"
    " or d.classid operator(pg_catalog.=) 3381"
    " or d.classid operator(pg_catalog.=) 2606 and exists (select from pg_catalog.pg_constraint c"
    " where c.oid operator(pg_catalog.=) d.objid and (c.contypid operator(pg_catalog.<>) 0"
    " or exists (select from relations r where r.oid operator(pg_catalog.=) c.conrelid)))))";

/// Casts are made, and families of operators used, without being named.
constexpr std::string_view nothing_unnamed_is_called =
    " and not exists (select from pg_catalog.pg_cast c"
    " where c.oid operator(pg_catalog.>=) 16384 and not exists (select from strange s"
    " where s.oid operator(pg_catalog.=) c.castsource"
    " or s.oid operator(pg_catalog.=) c.casttarget))"
    " and not exists (select from pg_catalog.pg_amproc p"
    " join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) p.amproc"
    " join pg_catalog.pg_opfamily y on y.oid operator(pg_catalog.=) p.amprocfamily"
    " where f.oid operator(pg_catalog.>=) 16384 and (f.prolang operator(pg_catalog.<>) 13"
    " or y.opfmethod operator(pg_catalog.=) any (array[403,405]::pg_catalog.oid[])"
    " and not exists (select from strange s"
    " where s.oid operator(pg_catalog.=) p.amproclefttype)))"
    " and not exists (select from pg_catalog.pg_amop o"
    " where o.amopopr operator(pg_catalog.>=) 16384"
    " and o.amopmethod operator(pg_catalog.=) any (array[403,405]::pg_catalog.oid[])"
    " and not exists (select from strange s where s.oid operator(pg_catalog.=) o.amoplefttype"
    " or s.oid operator(pg_catalog.=) o.amoprighttype))";

std::string types_are_plain(const std::string& types) {
    return " and not exists (select from pg_catalog.unnest(" + types +
           ") n(name) left join pg_catalog.pg_type t on t.oid operator(pg_catalog.=)"
           " pg_catalog.to_regtype(n.name)::pg_catalog.oid where t.oid is null"
           " or t.oid operator(pg_catalog.>=) 16384 and t.typtype operator(pg_catalog.<>) 'e'"
           " and not exists (select from pg_catalog.pg_type e"
           " where e.typarray operator(pg_catalog.=) t.oid"
           " and e.typtype operator(pg_catalog.=) 'e'))";
}

/// Nobody's function takes a call that is meant for a built-in one or for a column, and no
/// column's name calls a built-in one that does something. f(x) may be a cast, too.
std::string functions_are_built_in(const std::string& functions, const std::string& columns,
                                   const std::string& guessed) {
    const auto callable_by_column =
        "p.proname operator(pg_catalog.=) any (" + columns +
        ") and p.pronargs operator(pg_catalog.>) 0"
        " and p.pronargs operator(pg_catalog.-) p.pronargdefaults operator(pg_catalog.<=) 1";
    return " and not exists (select from others where may_be_meant"
           " and name operator(pg_catalog.=) any (" +
           functions + ") or name operator(pg_catalog.=) any (" + guessed +
           "))"
           " and not exists (select from pg_catalog.pg_proc p"
           " left join others o on o.oid operator(pg_catalog.=) p.oid where " +
           callable_by_column +
           " and (o.may_be_meant or p.provolatile operator(pg_catalog.=) 'v'))"
           " and not exists (select from pg_catalog.pg_type t"
           " where t.oid operator(pg_catalog.>=) 16384"
           " and t.typcategory operator(pg_catalog.<>) 'A'"
           " and t.typtype operator(pg_catalog.=)"
           " any (array['b','d','r','m']::pg_catalog.\"char\"[])"
           " and (t.typname operator(pg_catalog.=) any (" +
           functions + ") or t.typname operator(pg_catalog.=) any (" + columns + ")))";
}

std::string operators_are_built_in(const std::string& operators, const std::string& guessed) {
    return " and not exists (select from other_operators where may_be_meant"
           " and name operator(pg_catalog.=) any (" +
           operators + ") or name operator(pg_catalog.=) any (" + guessed + "))";
}

/// Extensions whose functions in C act within the transaction only, or compute.
constexpr auto vetted_extensions = std::to_array<std::string_view>({
    "amcheck",
    "autoinc",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "insert_username",
    "intagg",
    "intarray",
    "isn",
    "ltree",
    "moddatetime",
    "neon",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "plperl",
    "plpgsql",
    "pltcl",
    "plv8",
    "postgis",
    "refint",
    "seg",
    "sslinfo",
    "tablefunc",
    "tcn",
    "tsm_system_rows",
    "tsm_system_time",
    "unaccent",
    "uuid-ossp",
    "vector",
});

/// Of functions that outlive a rollback, a COPY included, as they stand in the source of others.
std::string lasting_calls() {
    std::string out = "(^|[^a-z0-9_])(copy[^a-z0-9_]|pg_stat_[a-z_]*reset";
    for (const auto name : sql::lasting_functions)
        out += "|" + std::string{name};
    return out + ")";
}

}  // namespace

std::optional<std::string> reads_only_query(const sql::mentions& select,
                                            std::span<const std::uint32_t> parameter_types) {
    if (std::ranges::any_of(parameter_types, [](auto oid) { return oid >= first_normal_oid; }))
        return std::nullopt;

    auto out =
        "with recursive named(oid) as (select pg_catalog.to_regclass(n.name)::pg_catalog.oid"
        " from pg_catalog.unnest(" +
        array_of(select.relations, "text") + ") n(name))";
    out += sets;
    out += " select";
    out += relations_are_plain;
    out += planner_runs_no_code;
    out += nothing_unnamed_is_called;
    out += types_are_plain(array_of(select.types, "text"));
    out +=
        functions_are_built_in(array_of(select.functions, "name"), array_of(select.columns, "name"),
                               array_of(select.guessed_functions, "name"));
    out += operators_are_built_in(array_of(select.operators, "name"),
                                  array_of(select.guessed_operators, "name"));
    out += ';';
    // A name can have one by U&"…" UESCAPE; what it would mean is a setting's to say.
    if (out.find('\\') != out.npos)
        return std::nullopt;
    return out;
}

std::string rolls_back_whole_query() {
    return "select not exists (select from pg_catalog.pg_foreign_server)"
           " and not exists (select from pg_catalog.pg_language where not lanpltrusted"
           " and oid operator(pg_catalog.<>) all (array[12,13]::pg_catalog.oid[]))"
           " and not exists (select from pg_catalog.pg_proc p"
           " where p.oid operator(pg_catalog.>=) 16384"
           " and p.prolang operator(pg_catalog.=) any (array[12,13]::pg_catalog.oid[])"
           " and not exists (select from pg_catalog.pg_depend d"
           " join pg_catalog.pg_extension e on e.oid operator(pg_catalog.=) d.refobjid"
           " where d.classid operator(pg_catalog.=) 1255 and d.objid operator(pg_catalog.=) p.oid"
           " and d.refclassid operator(pg_catalog.=) 3079"
           " and d.deptype operator(pg_catalog.=) 'e'"
           " and e.extname operator(pg_catalog.=) any (" +
           array_of(vetted_extensions, "name") +
           ")))"
           " and not exists (select from pg_catalog.pg_proc"
           " where oid operator(pg_catalog.>=) 16384"
           " and prolang operator(pg_catalog.<>) all (array[12,13]::pg_catalog.oid[])"
           " and prosrc operator(pg_catalog.~*) '" +
           lasting_calls() + "');";
}

}  // namespace pgballast::session
