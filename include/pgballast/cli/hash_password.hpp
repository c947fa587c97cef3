// pgballast hash-password: a verifier for the configuration, from a password.
#pragma once

#include <iosfwd>

namespace pgballast::cli {

/// Reads one line, the password, and writes its SCRAM-SHA-256 verifier. Returns an exit
/// code: 0, or EX_DATAERR with a word to `err` where there is no password.
int hash_password(std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace pgballast::cli
