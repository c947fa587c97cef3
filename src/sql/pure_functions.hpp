// Built-in functions that only compute, or read.
#pragma once

#include "pgballast/sql/words.hpp"

namespace pgballast::sql {

/// By their names, every built-in function of which is such: run twice, or on another backend of
/// the same settings, they do nothing else. Left out is what writes, signals, locks or touches
/// a sequence; reads files or runs SQL given as text (ts_stat, query_to_xml); tells of
/// a backend (pg_backend_pid, txid_current); or makes a value of a domain by itself, whose
/// constraint may call anything (json_populate_record).
inline constexpr auto pure_functions = words_of(
    // numbers
    "abs", "acos", "acosd", "acosh", "asin", "asind", "asinh", "atan", "atan2", "atan2d", "atand",
    "atanh", "cbrt", "ceil", "ceiling", "cos", "cosd", "cosh", "cot", "cotd", "degrees", "div",
    "exp", "factorial", "floor", "gcd", "lcm", "ln", "log", "log10", "min_scale", "mod", "pi",
    "pow", "power", "radians", "random", "round", "scale", "sign", "sin", "sind", "sinh", "sqrt",
    "tan", "tand", "tanh", "trim_scale", "trunc", "width_bucket",
    // strings
    "ascii", "bit_count", "bit_length", "btrim", "char_length", "character_length", "chr", "concat",
    "concat_ws", "convert", "convert_from", "convert_to", "decode", "encode", "format", "get_bit",
    "get_byte", "initcap", "is_normalized", "left", "length", "like_escape", "lower", "lpad",
    "ltrim", "md5", "normalize", "octet_length", "overlay", "parse_ident", "position",
    "quote_ident", "quote_literal", "quote_nullable", "regexp_count", "regexp_instr", "regexp_like",
    "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array",
    "regexp_split_to_table", "regexp_substr", "repeat", "replace", "reverse", "right", "rpad",
    "rtrim", "set_bit", "set_byte", "sha224", "sha256", "sha384", "sha512", "similar_escape",
    "similar_to_escape", "split_part", "starts_with", "string_to_array", "string_to_table",
    "strpos", "substr", "substring", "to_ascii", "to_hex", "translate", "upper",
    // times
    "age", "clock_timestamp", "date", "date_bin", "date_part", "date_trunc", "extract", "isfinite",
    "justify_days", "justify_hours", "justify_interval", "make_date", "make_interval", "make_time",
    "make_timestamp", "make_timestamptz", "now", "overlaps", "pg_sleep", "statement_timestamp",
    "timeofday", "timezone", "to_char", "to_date", "to_number", "to_timestamp",
    "transaction_timestamp",
    // aggregates and windows
    "array_agg", "avg", "bit_and", "bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count",
    "covar_pop", "covar_samp", "cume_dist", "dense_rank", "every", "first_value", "json_agg",
    "json_object_agg", "jsonb_agg", "jsonb_object_agg", "lag", "last_value", "lead", "max", "min",
    "mode", "nth_value", "ntile", "percent_rank", "percentile_cont", "percentile_disc", "range_agg",
    "range_intersect_agg", "rank", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept",
    "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "row_number", "stddev",
    "stddev_pop", "stddev_samp", "string_agg", "sum", "var_pop", "var_samp", "variance",
    // arrays, ranges, rows
    "array_append", "array_cat", "array_dims", "array_fill", "array_length", "array_lower",
    "array_ndims", "array_position", "array_positions", "array_prepend", "array_remove",
    "array_replace", "array_to_string", "array_upper", "cardinality", "daterange",
    "generate_series", "generate_subscripts", "int4range", "int8range", "isempty", "lower_inc",
    "lower_inf", "num_nonnulls", "num_nulls", "numrange", "range_merge", "trim_array", "tsrange",
    "tstzrange", "unnest", "upper_inc", "upper_inf",
    // JSON
    "array_to_json", "json_array_elements", "json_array_elements_text", "json_array_length",
    "json_build_array", "json_build_object", "json_each", "json_each_text", "json_extract_path",
    "json_extract_path_text", "json_object", "json_object_keys", "json_strip_nulls",
    "json_to_record", "json_to_recordset", "json_typeof", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_each", "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text",
    "jsonb_insert", "jsonb_object", "jsonb_object_keys", "jsonb_path_exists",
    "jsonb_path_exists_tz", "jsonb_path_match", "jsonb_path_match_tz", "jsonb_path_query",
    "jsonb_path_query_array", "jsonb_path_query_array_tz", "jsonb_path_query_first",
    "jsonb_path_query_first_tz", "jsonb_path_query_tz", "jsonb_pretty", "jsonb_set",
    "jsonb_set_lax", "jsonb_strip_nulls", "jsonb_to_record", "jsonb_to_recordset", "jsonb_typeof",
    "row_to_json", "to_json", "to_jsonb",
    // text search
    "numnode", "phraseto_tsquery", "plainto_tsquery", "querytree", "setweight", "strip",
    "to_tsquery", "to_tsvector", "ts_headline", "ts_rank", "ts_rank_cd", "tsvector_to_array",
    "websearch_to_tsquery",
    // networks, and the rest
    "abbrev", "broadcast", "current_database", "current_schema", "current_schemas",
    "current_setting", "enum_first", "enum_last", "enum_range", "family", "format_type",
    "gen_random_uuid", "host", "hostmask", "masklen", "netmask", "network", "pg_collation_for",
    "pg_column_size", "pg_size_bytes", "pg_size_pretty", "pg_typeof", "set_masklen", "version");

}  // namespace pgballast::sql
