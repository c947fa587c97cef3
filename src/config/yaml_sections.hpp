// The larger sections of the configuration file.
#pragma once

#include "section.hpp"

namespace pgballast::config::detail {

std::vector<database> read_databases(section in);
std::vector<user> read_users(const node* list, section& root);
client_tls_settings read_client_tls(section in);

}  // namespace pgballast::config::detail
