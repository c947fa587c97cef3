// Texts of a configuration that reach auth/: verifiers, base64, passwords.
#include "fuzz.hpp"
#include "pgballast/auth/base64.hpp"
#include "pgballast/auth/saslprep.hpp"
#include "pgballast/auth/scram.hpp"

using namespace pgballast;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);

    if (const auto verifier = auth::parse_scram_verifier(text)) {
        require(verifier->iterations >= 1 && !verifier->salt.empty());
        const auto written = to_string(*verifier);
        require(to_string(auth::parse_scram_verifier(written).value()) == written);
    }

    if (const auto raw = auth::base64_decode(text))
        require(auth::base64_encode(*raw) == text);
    require(auth::base64_decode(auth::base64_encode(text)) == text);

    const auto prepared = auth::prepare_password(text);
    require(prepared.empty() == text.empty());
    require(auth::prepare_password(prepared) == prepared);
    return 0;
}
