// Files of certificates and keys. Private to this layer.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <string>

#include "pgballast/net/tls.hpp"

namespace pgballast::net {

/// Throws `std::runtime_error`: `what`, and OpenSSL's words for why.
[[noreturn]] void fail_with_openssl_error(const std::string& what);

/// TLS 1.2 at the least, without compression. Throws `std::runtime_error`.
ssl_context_ptr make_ssl_context(const SSL_METHOD* method);

/// What a pair of files is called where it is configured.
struct identity_names {
    const char* cert;
    const char* key;
};

/// Loads a certificate chain and its key, which may stand in the same file (`key`
/// empty). Throws `std::runtime_error`, naming the file.
void load_identity(SSL_CTX* context, const std::filesystem::path& cert,
                   const std::filesystem::path& key, const identity_names& names);

}  // namespace pgballast::net
