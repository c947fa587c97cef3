#include "pgballast/net/tls_context.hpp"

#include <openssl/ssl.h>

#include <filesystem>

#include "tls_files.hpp"

namespace pgballast::net {
namespace {

using config::sslmode;

constexpr auto system_roots = "system";

bool is_there(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
}

}  // namespace

tls_context::tls_context(const config::dsn& upstream)
    : context_{make_ssl_context(TLS_client_method())},
      direct_{upstream.sslnegotiation == config::sslnegotiation::direct} {
    auto* context = context_.get();
    trust(upstream);
    if (!upstream.sslcert.empty())
        load_identity(context, upstream.sslcert, upstream.sslkey, {"sslcert", "sslkey"});

    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, tls_filter::on_new_session);
}

void tls_context::trust(const config::dsn& upstream) {
    const auto& roots = upstream.sslrootcert;
    const bool system = roots == system_roots;
    const bool verify_mode =
        upstream.sslmode == sslmode::verify_ca || upstream.sslmode == sslmode::verify_full;
    checks_name_ = system || upstream.sslmode == sslmode::verify_full;
    verifies_ = system || verify_mode || (!roots.empty() && is_there(roots));
    if (!verifies_)
        return;

    auto* context = context_.get();
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (system || roots.empty()) {
        if (SSL_CTX_set_default_verify_paths(context) != 1)
            fail_with_openssl_error("cannot load the system's root certificates");
    } else if (SSL_CTX_load_verify_file(context, roots.c_str()) != 1) {
        fail_with_openssl_error("cannot load sslrootcert \"" + roots.string() + '"');
    }
}

boost::system::result<std::unique_ptr<tls_filter>> tls_context::make_filter(
    const std::string& host) const {
    return tls_filter::make(context_.get(), {.side = tls_filter::role::client,
                                             .server_name = host,
                                             .check_name = checks_name_,
                                             .direct = direct_,
                                             .sessions = sessions_});
}

}  // namespace pgballast::net
