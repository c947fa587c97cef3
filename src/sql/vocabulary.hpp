// The words that the judgement of a text goes by.
#pragma once

#include "pgballast/sql/words.hpp"

namespace pgballast::sql::vocabulary {

/// Built-in functions that read, compute or wait, and leave nothing in the session.
inline constexpr auto vetted_functions = words_of(
    "abs", "age", "array_agg", "array_length", "array_to_string", "avg", "bool_and", "bool_or",
    "btrim", "cardinality", "ceil", "char_length", "clock_timestamp", "coalesce", "concat",
    "concat_ws", "count", "current_database", "current_schema", "current_setting", "date_part",
    "date_trunc", "decode", "encode", "extract", "floor", "format", "gen_random_uuid",
    "generate_series", "greatest", "initcap", "json_agg", "json_build_object", "jsonb_agg",
    "jsonb_build_object", "least", "left", "length", "lower", "lpad", "ltrim", "make_interval",
    "max", "md5", "min", "mod", "now", "nullif", "octet_length", "pg_backend_pid", "pg_sleep",
    "position", "power", "random", "regexp_replace", "repeat", "replace", "right", "round",
    "row_number", "row_to_json", "rpad", "rtrim", "sha256", "split_part", "sqrt",
    "statement_timestamp", "string_agg", "string_to_array", "strpos", "substr", "substring", "sum",
    "timezone", "to_char", "to_date", "to_json", "to_jsonb", "to_number", "to_timestamp", "trim",
    "trunc", "unnest", "upper", "version");

/// Words that stand before a parenthesis without calling anything.
inline constexpr auto before_parenthesis = words_of(
    "all", "and", "any", "array", "as", "between", "by", "case", "cast", "char", "conflict",
    "decimal", "distinct", "else", "except", "exists", "filter", "from", "group", "having", "in",
    "intersect", "is", "join", "lateral", "like", "limit", "materialized", "not", "numeric",
    "offset", "on", "or", "over", "partition", "returning", "row", "select", "set", "some", "then",
    "union", "using", "values", "varchar", "when", "where", "with");

/// By every server. default_transaction_read_only is only since version 14.
inline constexpr auto reported_parameters =
    words_of("application_name", "client_encoding", "datestyle", "intervalstyle",
             "standard_conforming_strings", "timezone");

}  // namespace pgballast::sql::vocabulary
