#include "tls_files.hpp"

#include <stdexcept>

#include "pgballast/net/tls_error.hpp"

namespace pgballast::net {

void ssl_context_free::operator()(SSL_CTX* context) const noexcept {
    SSL_CTX_free(context);
}

void fail_with_openssl_error(const std::string& what) {
    throw std::runtime_error{what + ": " + take_openssl_error().message()};
}

ssl_context_ptr make_ssl_context(const SSL_METHOD* method) {
    ssl_context_ptr context{SSL_CTX_new(method)};
    if (!context || !SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION))
        fail_with_openssl_error("cannot set up TLS");
    SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION);
    return context;
}

void load_identity(SSL_CTX* context, const std::filesystem::path& cert,
                   const std::filesystem::path& key, const identity_names& names) {
    const auto named = [](const char* name, const std::filesystem::path& file) {
        return std::string{name} + " \"" + file.string() + '"';
    };
    if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1)
        fail_with_openssl_error("cannot load " + named(names.cert, cert));
    const auto& key_file = key.empty() ? cert : key;
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        fail_with_openssl_error("cannot load " + named(names.key, key_file));
    if (SSL_CTX_check_private_key(context) != 1)
        fail_with_openssl_error(named(names.key, key_file) + " does not fit " + names.cert);
}

}  // namespace pgballast::net
