// pgballast status: one screen, from the admin port of a pgballast that runs.
#pragma once

#include <boost/json/value.hpp>
#include <iosfwd>

#include "pgballast/config/settings.hpp"

namespace pgballast::cli {

/// Asks the admin port that `settings` name. Returns an exit code: 0, EX_CONFIG where
/// there is no admin port, EX_UNAVAILABLE with a word to `err` where nobody answers.
int status(const config::snapshot& settings, std::ostream& out, std::ostream& err);

/// The screen for what `/api/v1/stats` answers. Throws `boost::system::system_error` or
/// `std::out_of_range` for anything else.
void write_status(const boost::json::value& stats, std::ostream& out);

}  // namespace pgballast::cli
