// The larger sections of the configuration file.
#pragma once

#include "section.hpp"

namespace pgballast::config::detail {

/// Of limits.clients and of every max_clients.
inline constexpr unsigned clients_max = 1'000'000;

std::vector<database> read_databases(section in);
std::vector<user> read_users(const node* list, section& root);
client_tls_settings read_client_tls(section in);

}  // namespace pgballast::config::detail
