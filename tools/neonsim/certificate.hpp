// The certificate clients see: self-signed, new at each start.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <string>

namespace neonsim {

struct certificate {
    std::string certificate_pem;
    std::string key_pem;
    std::string binding;  // tls-server-end-point: SHA-256 of the certificate, RFC 5929
};

/// RSA-2048 and SHA-256, as Neon's; for `<endpoint>.neonsim.test`, `*.neonsim.test`,
/// localhost and 127.0.0.1. Throws when OpenSSL fails.
certificate make_certificate(const std::string& endpoint);

/// Serves TLS 1.2 and 1.3. A client that offers ALPN must offer "postgresql".
boost::asio::ssl::context make_tls_context(const certificate& own);

}  // namespace neonsim
