// pgballast check: the way to each upstream, walked step by step.
#pragma once

#include <iosfwd>

#include "pgballast/config/settings.hpp"

namespace pgballast::cli {

/// Reads the files that `settings` names, then logs in at each upstream twice, so that
/// the time a sleeping compute takes to wake can be told from the login's own, and writes
/// what each step found and took. Returns an exit code: 0, EX_CONFIG for a file that
/// cannot be used, EX_UNAVAILABLE for an upstream that does not let us in.
int check(const config::snapshot& settings, std::ostream& out);

}  // namespace pgballast::cli
