#include "certificate.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace neonsim {
namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

using key_ptr = owned<EVP_PKEY, EVP_PKEY_free>;
using x509_ptr = owned<X509, X509_free>;
using extension_ptr = owned<X509_EXTENSION, X509_EXTENSION_free>;
using bio_ptr = owned<BIO, BIO_free_all>;

constexpr long day_s = 24 * 3600;

void check(bool worked) {
    if (!worked)
        throw std::runtime_error{"cannot make a certificate"};
}

void set_name(X509* target, const std::string& common_name) {
    auto* name = X509_get_subject_name(target);
    check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                     -1, -1, 0));
    check(X509_set_issuer_name(target, name));
}

void set_serial(X509* target) {
    std::uint64_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(target), serial >> 1));
}

void add_extension(X509* target, int nid, const std::string& value) {
    const extension_ptr extension{X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str())};
    check(extension && X509_add_ext(target, extension.get(), -1));
}

x509_ptr sign(EVP_PKEY* key, const std::string& host) {
    x509_ptr made{X509_new()};
    check(made && X509_set_version(made.get(), X509_VERSION_3));
    set_serial(made.get());
    set_name(made.get(), host);
    check(X509_gmtime_adj(X509_getm_notBefore(made.get()), -day_s));  // clocks differ
    check(X509_gmtime_adj(X509_getm_notAfter(made.get()), 365 * day_s));
    check(X509_set_pubkey(made.get(), key));
    add_extension(made.get(), NID_subject_alt_name,
                  "DNS:" + host + ",DNS:*.neonsim.test,DNS:localhost,IP:127.0.0.1");
    check(X509_sign(made.get(), key, EVP_sha256()));
    return made;
}

template <class Write>
std::string to_pem(Write write) {
    const bio_ptr out{BIO_new(BIO_s_mem())};
    check(out && write(out.get()));
    char* octets = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &octets);
    return {octets, static_cast<std::size_t>(size)};
}

std::string sha256_of(X509* certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    check(X509_digest(certificate, EVP_sha256(), digest, &size));
    return {reinterpret_cast<const char*>(digest), size};
}

int select_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr unsigned char postgresql[] = "\x0apostgresql";
    const int found =
        SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size, postgresql,
                              sizeof postgresql - 1, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

certificate make_certificate(const std::string& endpoint) {
    const key_ptr key{EVP_RSA_gen(2048)};
    check(key != nullptr);
    const auto made = sign(key.get(), endpoint + ".neonsim.test");
    return {to_pem([&](BIO* out) { return PEM_write_bio_X509(out, made.get()); }),
            to_pem([&](BIO* out) {
                return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
            }),
            sha256_of(made.get())};
}

boost::asio::ssl::context make_tls_context(const certificate& own) {
    namespace ssl = boost::asio::ssl;
    ssl::context context{ssl::context::tls_server};
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_alpn_select_cb(context.native_handle(), select_alpn, nullptr);
    context.use_certificate(boost::asio::buffer(own.certificate_pem), ssl::context::pem);
    context.use_private_key(boost::asio::buffer(own.key_pem), ssl::context::pem);
    return context;
}

}  // namespace neonsim
