#include "digest.hpp"
#include "pgballast/auth/base64.hpp"
#include "pgballast/auth/saslprep.hpp"
#include "pgballast/auth/scram.hpp"
#include "scram_message.hpp"

namespace pgballast::auth {
namespace {

std::string gs2_header(bool binds, bool could_bind) {
    if (binds)
        return "p=" + std::string{binding_type} + ",,";
    return could_bind ? "y,," : "n,,";
}

}  // namespace

scram_client::scram_client(std::string_view password, std::string_view binding, bool could_bind,
                           std::string_view nonce)
    : password_{prepare_password(password)},
      gs2_header_{gs2_header(!binding.empty(), could_bind)},
      binding_{binding},
      nonce_{nonce.empty() ? make_nonce() : std::string{nonce}} {}

scram_client::~scram_client() {
    OPENSSL_cleanse(password_.data(), password_.size());
}

std::string_view scram_client::mechanism() const noexcept {
    return binding_.empty() ? mechanism_plain : mechanism_plus;
}

std::string scram_client::bare() const {
    return "n=,r=" + nonce_;  // the startup packet has named the user
}

std::string scram_client::first() const {
    return gs2_header_ + bare();
}

boost::system::result<std::string> scram_client::final(std::string_view server_first) {
    if (step_ != step::server_first)
        return make_error_code(errc::out_of_order);
    step_ = step::failed;

    const auto message = parse_server_first(server_first);
    if (!message)
        return message.error();
    if (!message->nonce.starts_with(nonce_) || message->nonce.size() == nonce_.size())
        return make_error_code(errc::nonce_mismatch);

    auto answer =
        "c=" + base64_encode(gs2_header_ + binding_) + ",r=" + std::string{message->nonce};
    const auto signed_text = auth_message(bare(), server_first, answer);
    const auto keys = derive_keys(password_, message->salt, message->iterations);
    const auto proof =
        combine(keys.client_key.octets, hmac_sha256(view(keys.stored_key), signed_text));
    signature_ = hmac_sha256(view(keys.server_key.octets), signed_text);

    step_ = step::server_final;
    return answer.append(",p=").append(base64_encode(view(proof)));
}

boost::system::error_code scram_client::verify(std::string_view server_final) {
    if (step_ != step::server_final)
        return errc::out_of_order;
    step_ = step::failed;

    const auto signature = parse_server_final(server_final);
    if (!signature)
        return signature.error();
    if (!equal_in_constant_time(*signature, signature_))
        return errc::wrong_signature;
    step_ = step::verified;
    return {};
}

}  // namespace pgballast::auth
