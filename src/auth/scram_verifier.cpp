#include <algorithm>
#include <cassert>
#include <limits>

#include "digest.hpp"
#include "pgballast/auth/base64.hpp"
#include "pgballast/auth/saslprep.hpp"
#include "pgballast/auth/scram.hpp"
#include "scram_message.hpp"

namespace pgballast::auth {
namespace {

constexpr std::size_t salt_size = 16;  // SCRAM_DEFAULT_SALT_LEN

/// Splits off all up to the first `separator`, which goes too; all of it and
/// nothing left where there is none.
std::string_view take_until(std::string_view& rest, char separator) {
    const auto part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    return part;
}

}  // namespace

boost::system::result<scram_verifier> parse_scram_verifier(std::string_view text) {
    constexpr int any_count = std::numeric_limits<int>::max();  // the client computes, not we
    scram_verifier verifier;
    const auto scheme = take_until(text, '$');
    const auto iterations = parse_iterations(take_until(text, ':'), any_count);
    auto salt = base64_decode(take_until(text, '$'));
    if (scheme != mechanism_plain || !iterations || !salt || salt->empty() ||
        salt->size() > salt_size_max || !parse_digest(take_until(text, ':'), verifier.stored_key) ||
        !parse_digest(text, verifier.server_key))
        return make_error_code(errc::bad_verifier);

    verifier.iterations = *iterations;
    verifier.salt = std::move(*salt);
    return verifier;
}

std::string to_string(const scram_verifier& verifier) {
    std::string text{mechanism_plain};
    text.append("$").append(std::to_string(verifier.iterations));
    text.append(":").append(base64_encode(verifier.salt));
    text.append("$").append(base64_encode(view(verifier.stored_key)));
    text.append(":").append(base64_encode(view(verifier.server_key)));
    return text;
}

scram_verifier make_scram_verifier(std::string_view password, int iterations) {
    return make_scram_verifier(password, random_octets(salt_size), iterations);
}

scram_verifier make_scram_verifier(std::string_view password, std::string_view salt,
                                   int iterations) {
    assert(iterations >= 1);
    assert(!salt.empty() && salt.size() <= salt_size_max);
    auto prepared = prepare_password(password);
    const auto keys = derive_keys(prepared, salt, iterations);
    OPENSSL_cleanse(prepared.data(), prepared.size());
    return {iterations, std::string{salt}, keys.stored_key, keys.server_key.octets};
}

scram_verifier make_mock_verifier(std::string_view user, std::string_view secret) {
    // Each part is a hash under the secret, so nobody knows its preimage.
    const auto part = [&](std::string_view name) {
        return hmac_sha256(secret, std::string{name}.append(user));
    };
    scram_verifier verifier;
    const auto salt = part("salt:");
    verifier.salt = view(salt).substr(0, salt_size);
    verifier.stored_key = part("StoredKey:");
    verifier.server_key = part("ServerKey:");
    return verifier;
}

}  // namespace pgballast::auth
