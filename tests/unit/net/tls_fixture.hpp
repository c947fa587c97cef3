// A certificate authority, servers' certificates and contexts, made in memory.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "pgballast/net/tls.hpp"

namespace pgballast::tests {

template <auto Free>
struct free_with {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using pkey_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, free_with<SSL_CTX_free>>;

struct identity {
    pkey_ptr key;
    x509_ptr certificate;
};

inline void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// A certificate for `names` ("DNS:a.test,IP:127.0.0.1"), or an authority's when
/// that is empty; signed by `issuer`, or by itself. `digest` null is for Ed25519.
inline identity make_identity(const std::string& common_name, const std::string& names,
                              const identity* issuer, pkey_ptr key, const EVP_MD* digest) {
    x509_ptr certificate{X509_new()};
    auto* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    auto* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
    X509* parent = issuer ? issuer->certificate.get() : x;
    X509_set_issuer_name(x, X509_get_subject_name(parent));
    X509_set_pubkey(x, key.get());
    if (names.empty())
        add_extension(x, parent, NID_basic_constraints, "critical,CA:TRUE");
    else
        add_extension(x, parent, NID_subject_alt_name, names);
    X509_sign(x, issuer ? issuer->key.get() : key.get(), digest);
    return {std::move(key), std::move(certificate)};
}

inline pkey_ptr ec_key() {
    return pkey_ptr{EVP_EC_gen("P-256")};
}

inline const identity& authority() {
    static const identity ca = make_identity("test CA", "", nullptr, ec_key(), EVP_sha256());
    return ca;
}

inline identity server_identity(const std::string& names) {
    return make_identity("server", names, &authority(), ec_key(), EVP_sha256());
}

/// Chooses "postgresql" if the client offers it, as PostgreSQL 17 does.
inline int choose_alpn(SSL*, const unsigned char** out, unsigned char* size,
                       const unsigned char* in, unsigned in_size, void*) {
    static constexpr std::string_view ours = "\x0apostgresql";
    const std::string_view offered{reinterpret_cast<const char*>(in), in_size};
    const auto at = offered.find(ours);
    if (at == std::string_view::npos)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = in + at + 1;
    *size = static_cast<unsigned char>(ours.size() - 1);
    return SSL_TLSEXT_ERR_OK;
}

inline context_ptr server_context(const identity& who, bool alpn = true) {
    context_ptr context{SSL_CTX_new(TLS_server_method())};
    SSL_CTX_use_certificate(context.get(), who.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), who.key.get());
    if (alpn)
        SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
    return context;
}

/// A file that is gone at the end of the test.
class temporary_file {
 public:
    temporary_file() {
        const int fd = ::mkstemp(path_.data());
        if (fd >= 0)
            ::close(fd);
    }
    explicit temporary_file(const X509* certificate) : temporary_file{} {
        auto* out = std::fopen(path_.c_str(), "w");
        PEM_write_X509(out, certificate);
        std::fclose(out);
    }
    explicit temporary_file(const identity& who) : temporary_file{} {
        auto* out = std::fopen(path_.c_str(), "w");
        PEM_write_X509(out, who.certificate.get());
        PEM_write_PrivateKey(out, who.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(out);
    }
    ~temporary_file() { ::unlink(path_.c_str()); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    const std::string& path() const noexcept { return path_; }

 private:
    std::string path_ = "/tmp/pgballast-test-XXXXXX";
};

/// Both ends of one connection, with the bytes that are on their way.
struct tls_pair {
    std::unique_ptr<net::tls_filter> client;
    std::unique_ptr<net::tls_filter> server;
    std::string to_client;
    std::string to_server;
    boost::system::error_code client_error;
    boost::system::error_code server_error;

    /// Shakes hands, handing over at most `step` bytes at a time.
    bool shake_hands(std::size_t step = std::string::npos) {
        bool client_done = advance(*client, {}, to_server, client_error);
        bool server_done = false;
        while (!to_server.empty() || !to_client.empty()) {
            if (!server_done && !server_error)
                server_done = advance(*server, take(to_server, step), to_client, server_error);
            else if (!client_done)
                to_server.clear();
            if (!client_done && !client_error)
                client_done = advance(*client, take(to_client, step), to_server, client_error);
            if ((client_done || client_error) && (server_done || server_error))
                break;
        }
        return client_done && server_done;
    }

    static bool advance(net::tls_filter& end, const std::string& in, std::string& out,
                        boost::system::error_code& error) {
        const auto sink = [&](net::bytes data) { out.append(data); };
        const auto result = end.handshake(in, sink);
        if (!result)
            error = result.error();
        return result && *result == net::tls_filter::progress::done;
    }

    static std::string take(std::string& from, std::size_t step) {
        auto part = from.substr(0, step);
        from.erase(0, part.size());
        return part;
    }
};

inline tls_pair make_pair(SSL_CTX* server, std::unique_ptr<net::tls_filter> client) {
    tls_pair pair;
    pair.client = std::move(client);
    pair.server = net::tls_filter::make(server, {.side = net::tls_filter::role::server}).value();
    return pair;
}

}  // namespace pgballast::tests
