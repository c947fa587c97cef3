#include "pgballast/auth/error.hpp"

#include <string>

namespace pgballast::auth {
namespace {

class category final : public boost::system::error_category {
 public:
    const char* name() const noexcept override { return "pgballast.auth"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::malformed_message:
                return "malformed SCRAM message";
            case errc::message_too_long:
                return "SCRAM message too long";
            case errc::out_of_order:
                return "SCRAM message out of order";
            case errc::unknown_mechanism:
                return "client selected an invalid SASL authentication mechanism";
            case errc::unsupported_extension:
                return "peer requires an unsupported SCRAM extension";
            case errc::unsupported_authzid:
                return "client uses authorization identity, but it is not supported";
            case errc::unsupported_binding:
                return "unsupported SCRAM channel-binding type";
            case errc::binding_downgrade:
                return "SCRAM channel binding negotiation error";
            case errc::binding_mismatch:
                return "SCRAM channel binding check failed";
            case errc::nonce_mismatch:
                return "invalid SCRAM nonce";
            case errc::bad_salt:
                return "invalid SCRAM salt";
            case errc::bad_iterations:
                return "invalid SCRAM iteration count";
            case errc::bad_verifier:
                return "invalid SCRAM-SHA-256 verifier";
            case errc::wrong_password:
                return "password authentication failed";
            case errc::wrong_signature:
                return "incorrect server signature";
            case errc::refused_by_server:
                return "server refused the SCRAM exchange";
            case errc::md5_unavailable:
                return "MD5 is not available";
        }
        return "unknown authentication error";
    }
};

}  // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

}  // namespace pgballast::auth
