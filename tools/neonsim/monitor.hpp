// Watches a running compute for inactivity.
#pragma once

#include <filesystem>

#include "event.hpp"
#include "settings.hpp"

namespace neonsim {

/// Completes with true once nothing has kept the compute awake for
/// `current.autosuspend`, which may change meanwhile; with false when PostgreSQL
/// has gone. It looks twice a second, as Neon's monitor does.
task<bool> inactive(std::filesystem::path socket, const settings& current);

}  // namespace neonsim
