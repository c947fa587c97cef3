#include "digest.hpp"
#include "pgballast/auth/base64.hpp"
#include "pgballast/auth/scram.hpp"
#include "scram_message.hpp"

namespace pgballast::auth {
namespace {

/// Whether what the client says of channel binding fits the mechanism it chose and
/// what was offered. RFC 5802, 6.
boost::system::error_code check_binding(const client_first_message& message, bool plus,
                                        bool plus_offered) {
    if (plus != (message.binding_flag == 'p'))
        return errc::malformed_message;
    if (plus && message.binding_type != binding_type)
        return errc::unsupported_binding;
    // It can bind and did not see our offer: somebody in between has taken it away.
    if (plus_offered && message.binding_flag == 'y')
        return errc::binding_downgrade;
    return {};
}

}  // namespace

scram_server::scram_server(scram_verifier verifier, std::string_view binding,
                           std::string_view nonce)
    : verifier_{std::move(verifier)},
      binding_{binding},
      nonce_{nonce.empty() ? make_nonce() : std::string{nonce}} {}

scram_server::~scram_server() {
    OPENSSL_cleanse(verifier_.stored_key.data(), verifier_.stored_key.size());
    OPENSSL_cleanse(verifier_.server_key.data(), verifier_.server_key.size());
}

boost::system::result<std::string> scram_server::first(std::string_view mechanism,
                                                       std::string_view client_first) {
    if (step_ != step::client_first)
        return make_error_code(errc::out_of_order);
    step_ = step::done;

    const bool plus_offered = !binding_.empty();
    const bool plus = mechanism == mechanism_plus;
    if (plus ? !plus_offered : mechanism != mechanism_plain)
        return make_error_code(errc::unknown_mechanism);
    const auto message = parse_client_first(client_first);
    if (!message)
        return message.error();
    if (const auto error = check_binding(*message, plus, plus_offered))
        return error;

    expected_binding_ = message->gs2_header;
    if (plus)
        expected_binding_ += binding_;
    client_first_bare_ = message->bare;
    nonce_.insert(0, message->nonce);
    server_first_ = "r=" + nonce_ + ",s=" + base64_encode(verifier_.salt) +
                    ",i=" + std::to_string(verifier_.iterations);
    step_ = step::client_final;
    return server_first_;
}

boost::system::result<std::string> scram_server::final(std::string_view client_final) {
    if (step_ != step::client_final)
        return make_error_code(errc::out_of_order);
    step_ = step::done;

    const auto message = parse_client_final(client_final);
    if (!message)
        return message.error();
    if (message->binding != expected_binding_)
        return make_error_code(errc::binding_mismatch);
    if (message->nonce != nonce_)
        return make_error_code(errc::nonce_mismatch);

    const auto signed_text =
        auth_message(client_first_bare_, server_first_, message->without_proof);
    const secret_digest client_key{
        combine(message->proof, hmac_sha256(view(verifier_.stored_key), signed_text))};
    if (!equal_in_constant_time(sha256(view(client_key.octets)), verifier_.stored_key))
        return make_error_code(errc::wrong_password);

    return "v=" + base64_encode(view(hmac_sha256(view(verifier_.server_key), signed_text)));
}

}  // namespace pgballast::auth
