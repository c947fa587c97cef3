#include "pgballast/cli/hash_password.hpp"

#include <openssl/crypto.h>
#include <sysexits.h>

#include <istream>
#include <ostream>
#include <string>

#include "pgballast/auth/scram.hpp"

namespace pgballast::cli {

int hash_password(std::istream& in, std::ostream& out, std::ostream& err) {
    std::string password;
    std::getline(in, password);
    if (password.ends_with('\r'))
        password.pop_back();
    if (password.empty()) {
        err << "pgballast: no password on standard input: printf %s 'secret' | pgballast "
               "hash-password\n";
        return EX_DATAERR;
    }
    out << auth::to_string(auth::make_scram_verifier(password)) << '\n';
    OPENSSL_cleanse(password.data(), password.size());
    return 0;
}

}  // namespace pgballast::cli
