#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "pgballast/net/tls.hpp"

namespace pgballast::net {
namespace {

const EVP_MD* binding_digest(X509* certificate) {
    int nid = NID_undef;
    if (!X509_get_signature_info(certificate, &nid, nullptr, nullptr, nullptr))
        return nullptr;
    if (nid == NID_md5 || nid == NID_sha1)
        return EVP_sha256();
    return EVP_get_digestbynid(nid);
}

}  // namespace

std::string tls_server_end_point(X509* certificate) {
    const auto* digest = binding_digest(certificate);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!digest || !X509_digest(certificate, digest, hash, &size))
        return {};
    return {reinterpret_cast<const char*>(hash), size};
}

}  // namespace pgballast::net
