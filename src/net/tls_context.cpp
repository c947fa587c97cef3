#include "pgballast/net/tls_context.hpp"

#include <openssl/ssl.h>

#include <filesystem>
#include <stdexcept>

namespace pgballast::net {
namespace {

using config::sslmode;

constexpr auto system_roots = "system";

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error{what + ": " + take_openssl_error().message()};
}

bool is_there(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
}

}  // namespace

void tls_context::context_free::operator()(SSL_CTX* context) const noexcept {
    SSL_CTX_free(context);
}

tls_context::tls_context(const config::dsn& upstream)
    : context_{SSL_CTX_new(TLS_client_method())},
      direct_{upstream.sslnegotiation == config::sslnegotiation::direct} {
    auto* context = context_.get();
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
        fail("cannot set up TLS");
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
    trust(upstream);
    identify(upstream);

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
            fail("cannot load the system's root certificates");
    } else if (SSL_CTX_load_verify_file(context, roots.c_str()) != 1) {
        fail("cannot load sslrootcert \"" + roots.string() + '"');
    }
}

void tls_context::identify(const config::dsn& upstream) {
    if (upstream.sslcert.empty())
        return;
    auto* context = context_.get();
    if (SSL_CTX_use_certificate_chain_file(context, upstream.sslcert.c_str()) != 1)
        fail("cannot load sslcert \"" + upstream.sslcert.string() + '"');
    const auto& key = upstream.sslkey.empty() ? upstream.sslcert : upstream.sslkey;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        fail("cannot load sslkey \"" + key.string() + '"');
    if (SSL_CTX_check_private_key(context) != 1)
        fail("sslkey \"" + key.string() + "\" does not fit sslcert");
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
