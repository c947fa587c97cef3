// The SQLSTATEs pgballast looks for or says. PostgreSQL, Appendix A.
#pragma once

#include <string_view>

namespace pgballast::wire::sqlstate {

inline constexpr std::string_view protocol_violation = "08P01";
inline constexpr std::string_view connection_exception = "08000";
inline constexpr std::string_view connection_failure = "08006";
inline constexpr std::string_view outcome_unknown = "08007";  // transaction_resolution_unknown
inline constexpr std::string_view feature_not_supported = "0A000";
inline constexpr std::string_view in_failed_transaction = "25P02";
inline constexpr std::string_view invalid_sql_statement_name = "26000";
inline constexpr std::string_view invalid_cursor_name = "34000";
inline constexpr std::string_view invalid_authorization = "28000";
inline constexpr std::string_view invalid_password = "28P01";
inline constexpr std::string_view invalid_catalog_name = "3D000";
inline constexpr std::string_view serialization_failure = "40001";
inline constexpr std::string_view duplicate_prepared_statement = "42P05";
inline constexpr std::string_view too_many_connections = "53300";
inline constexpr std::string_view query_canceled = "57014";
inline constexpr std::string_view admin_shutdown = "57P01";
inline constexpr std::string_view crash_shutdown = "57P02";
inline constexpr std::string_view cannot_connect_now = "57P03";
inline constexpr std::string_view idle_session_timeout = "57P05";
inline constexpr std::string_view program_limit_exceeded = "54000";
inline constexpr std::string_view internal_error = "XX000";

}  // namespace pgballast::wire::sqlstate
