#include "pgballast/net/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cassert>
#include <climits>

#include "pgballast/net/tls_session_cache.hpp"
#include "tls_bio.hpp"

namespace pgballast::net {
namespace {

constexpr std::size_t record_max = SSL3_RT_MAX_PLAIN_LENGTH;

// IANA's name for PostgreSQL, with its length in front (RFC 7301, section 3.1).
constexpr unsigned char alpn_postgresql[] = "\x0apostgresql";

bool is_address(const std::string& host) {
    in_addr v4;
    return host.find(':') != std::string::npos || inet_pton(AF_INET, host.c_str(), &v4) == 1;
}

/// A fully qualified name may end in a dot; SNI and certificates never do.
std::string without_trailing_dot(std::string name) {
    if (name.ends_with('.'))
        name.pop_back();
    return name;
}

bool require_name(SSL* ssl, const std::string& name, bool address) {
    if (address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace

/// Lends the wire the input and the sink of one call. Calls may nest: a sink that is
/// handed plain bytes may answer them.
class tls_filter::transfer {
 public:
    transfer(tls_filter& filter, const byte_sink& out) noexcept
        : wire_{filter.wire_}, outer_{wire_.out} {
        wire_.out = &out;
        ERR_clear_error();
    }
    transfer(tls_filter& filter, bytes in, const byte_sink& out) noexcept : transfer{filter, out} {
        wire_.in = in;
    }
    ~transfer() { wire_.out = outer_; }
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;

 private:
    tls_wire& wire_;
    const byte_sink* outer_;
};

void tls_filter::ssl_free::operator()(SSL* ssl) const noexcept {
    // OpenSSL takes a missing close_notify for a sign that the session is bad. Servers
    // that suspend end like that all the time.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
}

boost::system::result<std::unique_ptr<tls_filter>> tls_filter::make(SSL_CTX* context,
                                                                    const options& how) {
    assert(context);
    ERR_clear_error();
    auto* ssl = SSL_new(context);
    if (!ssl)
        return take_openssl_error();
    std::unique_ptr<tls_filter> filter{new tls_filter{ssl}};
    if (const auto error = filter->set_up(how))
        return error;
    return filter;
}

tls_filter::~tls_filter() = default;

boost::system::error_code tls_filter::set_up(const options& how) {
    auto* ssl = ssl_.get();
    auto* bio = make_tls_bio(wire_);
    if (!bio)
        return take_openssl_error();
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, this);  // for on_new_session
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
    direct_ = how.direct;
    if (how.side == role::server) {
        SSL_set_accept_state(ssl);
        return {};
    }

    SSL_set_connect_state(ssl);
    server_name_ = without_trailing_dot(how.server_name);
    sessions_ = how.sessions;
    const bool address = is_address(server_name_);
    if (how.check_name && server_name_.empty())
        return make_error_code(tls_errc::no_name_to_check);
    if (how.check_name && !require_name(ssl, server_name_, address))
        return take_openssl_error();
    if (!server_name_.empty() && !address && !SSL_set_tlsext_host_name(ssl, server_name_.c_str()))
        return take_openssl_error();
    if (direct_ && SSL_set_alpn_protos(ssl, alpn_postgresql, sizeof alpn_postgresql - 1) != 0)
        return take_openssl_error();
    if (const auto session = sessions_ ? sessions_->find(server_name_) : nullptr)
        SSL_set_session(ssl, session.get());
    return {};
}

boost::system::result<tls_filter::progress> tls_filter::handshake(bytes in, byte_sink to_peer) {
    assert(!established_);
    const transfer lent{*this, in, to_peer};
    const int status = SSL_do_handshake(ssl_.get());
    if (status != 1) {
        if (SSL_get_error(ssl_.get(), status) == SSL_ERROR_WANT_READ)
            return progress::more;
        return handshake_error();
    }
    if (const auto error = check_peer())
        return fail(error);
    established_ = true;
    pending_ = wire_.in;
    return progress::done;
}

boost::system::error_code tls_filter::check_peer() const {
    if (!direct_)
        return {};
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    return size == 0 ? make_error_code(tls_errc::no_alpn) : boost::system::error_code{};
}

boost::system::error_code tls_filter::handshake_error() {
    if (sessions_)  // should the session be to blame, the next attempt goes without
        sessions_->forget(server_name_);
    const auto error = take_openssl_error();
    const auto verdict = SSL_get_verify_result(ssl_.get());
    if (SSL_get_verify_mode(ssl_.get()) == SSL_VERIFY_NONE || verdict == X509_V_OK)
        return fail(error);

    failure_ = std::string{"certificate verify failed: "} + X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        failure_ += ": \"" + server_name_ + '"';
    return make_error_code(tls_errc::certificate_rejected);
}

boost::system::error_code tls_filter::fail(boost::system::error_code error) {
    failure_ = error.message();
    return error;
}

boost::system::error_code tls_filter::decrypt(bytes in, byte_sink plain, byte_sink to_peer) {
    assert(established_);
    if (closed_)
        return {};
    auto held = std::exchange(pending_, {});
    if (!held.empty())
        in = held.append(in);
    const transfer lent{*this, in, to_peer};
    char record[record_max];
    for (;;) {
        const int size = SSL_read(ssl_.get(), record, sizeof record);
        if (size > 0) {
            plain({record, static_cast<std::size_t>(size)});
            continue;
        }
        const int why = SSL_get_error(ssl_.get(), size);
        closed_ = why == SSL_ERROR_ZERO_RETURN;
        if (closed_ || why == SSL_ERROR_WANT_READ)
            return {};
        return fail(take_openssl_error());
    }
}

boost::system::error_code tls_filter::encrypt(bytes plain, byte_sink to_peer) {
    assert(established_);
    const transfer lent{*this, to_peer};
    while (!plain.empty()) {
        const auto part = static_cast<int>(std::min<std::size_t>(plain.size(), INT_MAX));
        const int taken = SSL_write(ssl_.get(), plain.data(), part);
        if (taken <= 0)
            return fail(take_openssl_error());
        plain.remove_prefix(static_cast<std::size_t>(taken));
    }
    return {};
}

void tls_filter::shutdown(byte_sink to_peer) {
    const transfer lent{*this, to_peer};
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

int tls_filter::on_new_session(SSL* ssl, SSL_SESSION* session) {
    const auto& filter = *static_cast<const tls_filter*>(SSL_get_app_data(ssl));
    if (!filter.sessions_)
        return 0;
    filter.sessions_->keep(filter.server_name_, ssl_session_ptr{session});
    return 1;  // the reference is ours now
}

bool tls_filter::resumed() const noexcept {
    return SSL_session_reused(ssl_.get()) == 1;
}

std::string tls_filter::version() const {
    return SSL_get_version(ssl_.get());
}

std::string tls_filter::peer_common_name() const {
    auto* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (!certificate)
        return {};
    auto* subject = X509_get_subject_name(certificate);
    const int last = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (last < 0)
        return {};
    unsigned char* utf8 = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (size < 0)
        return {};
    std::string name{reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)};
    OPENSSL_free(utf8);
    return name.find('\0') == std::string::npos ? name : std::string{};
}

std::string tls_filter::server_certificate_hash() const {
    auto* certificate = SSL_is_server(ssl_.get()) ? SSL_get_certificate(ssl_.get())
                                                  : SSL_get0_peer_certificate(ssl_.get());
    return certificate ? tls_server_end_point(certificate) : std::string{};
}

}  // namespace pgballast::net
