// The role and the database a compute is handed over with.
#pragma once

#include <filesystem>
#include <string>

#include "event.hpp"

namespace neonsim {

/// Creates the owner's role and database where they are missing; false when
/// PostgreSQL does not let us. Passwords are checked in front of PostgreSQL, so
/// the role has none.
task<bool> provision(std::filesystem::path socket, std::string user, std::string database);

}  // namespace neonsim
