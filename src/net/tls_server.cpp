#include "pgballast/net/tls_server.hpp"

#include <openssl/ssl.h>

#include "tls_files.hpp"

namespace pgballast::net {
namespace {

/// "postgresql" is all that is spoken here; who offers only others is turned away.
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
    static constexpr unsigned char ours[] = "\x0apostgresql";
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

tls_server::tls_server(const config::client_tls_settings& settings)
    : context_{make_ssl_context(TLS_server_method())} {
    auto* context = context_.get();
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
    load_identity(context, settings.cert, settings.key, {"client_tls.cert", "client_tls.key"});
    if (settings.ca.empty())
        return;

    if (SSL_CTX_load_verify_file(context, settings.ca.c_str()) != 1)
        fail_with_openssl_error("cannot load client_tls.ca \"" + settings.ca.string() + '"');
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(settings.ca.c_str()));
    const bool insist = settings.mode >= config::sslmode::verify_ca;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (insist ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
}

boost::system::result<std::unique_ptr<tls_filter>> tls_server::make_filter(bool direct) const {
    tls_filter::options how;
    how.side = tls_filter::role::server;
    how.direct = direct;
    return tls_filter::make(context_.get(), how);
}

}  // namespace pgballast::net
