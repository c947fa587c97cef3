#include "pgballast/net/tls_error.hpp"

#include <openssl/err.h>

#include <string>

namespace pgballast::net {
namespace {

class category final : public boost::system::error_category {
 public:
    const char* name() const noexcept override { return "pgballast.tls"; }

    std::string message(int value) const override {
        switch (static_cast<tls_errc>(value)) {
            case tls_errc::certificate_rejected:
                return "the server's certificate was not accepted";
            case tls_errc::no_name_to_check:
                return "no host name to check the server's certificate against";
            case tls_errc::no_alpn:
                return "the peer did not agree on ALPN protocol \"postgresql\"";
            case tls_errc::unusable:
                return "TLS could not be set up";
        }
        return "unknown TLS error";
    }
};

class library_category final : public boost::system::error_category {
 public:
    const char* name() const noexcept override { return "openssl"; }

    std::string message(int value) const override {
        const auto code = static_cast<unsigned long>(static_cast<unsigned>(value));
        if (const char* reason = ERR_reason_error_string(code))
            return reason;
        return "OpenSSL error " + std::to_string(code);
    }
};

}  // namespace

const boost::system::error_category& tls_category() noexcept {
    static const category instance;
    return instance;
}

const boost::system::error_category& openssl_category() noexcept {
    static const library_category instance;
    return instance;
}

boost::system::error_code take_openssl_error() noexcept {
    const auto code = ERR_get_error();
    ERR_clear_error();
    if (code == 0)
        return make_error_code(tls_errc::unusable);
    return {static_cast<int>(code), openssl_category()};
}

}  // namespace pgballast::net
