// The larger sections of the configuration file.
#pragma once

#include "section.hpp"

namespace pgballast::config::detail {

std::vector<database> read_databases(section in);
std::vector<user> read_users(const node* list, section& root);

}  // namespace pgballast::config::detail
