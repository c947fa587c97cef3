// TLS as a filter: encrypted bytes in, plain bytes out, and back. It knows no
// socket, so the same object shakes hands under a coroutine and relays under an
// engine.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <memory>
#include <string>

#include "pgballast/net/byte_sink.hpp"
#include "pgballast/net/tls_error.hpp"

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;
using SSL_SESSION = struct ssl_session_st;
using X509 = struct x509_st;

namespace pgballast::net {

class tls_session_cache;

struct ssl_context_free {
    void operator()(SSL_CTX* context) const noexcept;
};
using ssl_context_ptr = std::unique_ptr<SSL_CTX, ssl_context_free>;

/// The two ends of the BIO that OpenSSL reads from and writes to: the input of the
/// call in progress, and its sink.
struct tls_wire {
    bytes in;
    const byte_sink* out = nullptr;
};

/// One TLS connection. From within the sink `plain` of `decrypt`, `encrypt` and `shutdown`
/// may be called, from within `to_peer` nothing; neither may destroy the filter.
///
/// An idle filter holds no buffers: OpenSSL gives them back after each record.
class tls_filter {
 public:
    enum class role { client, server };
    enum class progress { more, done };  // more: feed what the peer sends next

    struct options {
        role side = role::client;

        /// Client: the host as the user wrote it. Sent as SNI unless it is an IP
        /// address (RFC 6066, section 3).
        std::string server_name = {};

        /// Client: `server_name` must stand in the server's certificate.
        bool check_name = false;

        /// No SSLRequest went before: insists on ALPN "postgresql", which a client offers.
        bool direct = false;

        /// Client: where sessions to resume come from and go to; may be null.
        std::shared_ptr<tls_session_cache> sessions = {};
    };

    /// `context` is shared, and need not outlive the call.
    ///
    /// Errors: `tls_errc::no_name_to_check`, or OpenSSL's.
    static boost::system::result<std::unique_ptr<tls_filter>> make(SSL_CTX* context,
                                                                   const options& how);
    ~tls_filter();
    tls_filter(const tls_filter&) = delete;
    tls_filter& operator=(const tls_filter&) = delete;

    /// Takes what the peer sent (nothing at the client's start) and says what to
    /// send back. Bytes that came behind the handshake wait for `decrypt`, which should
    /// be called once, with nothing, when this is done.
    ///
    /// Errors: `tls_errc::certificate_rejected`, `tls_errc::no_alpn`, OpenSSL's. What was
    /// given to `to_peer` (an alert) should be sent all the same.
    boost::system::result<progress> handshake(bytes in, byte_sink to_peer);

    /// Decrypts what the peer sent, and deals with session tickets and key updates.
    /// `plain` is called once for each record. What follows a close_notify is dropped.
    ///
    /// Errors: OpenSSL's. That a connection ends without a close_notify is no error
    /// here: `closed()` tells whether the peer said it.
    boost::system::error_code decrypt(bytes in, byte_sink plain, byte_sink to_peer);

    /// Encrypts all of `plain`; `to_peer` is called once for each record.
    boost::system::error_code encrypt(bytes plain, byte_sink to_peer);

    /// Says close_notify.
    void shutdown(byte_sink to_peer);

    bool closed() const noexcept { return closed_; }  // the peer said close_notify
    bool resumed() const noexcept;                    // the handshake was an abbreviated one
    std::string version() const;                      // "TLSv1.3"

    /// The common name of the certificate that the peer has shown; empty where it has
    /// shown none, or one without a name.
    std::string peer_common_name() const;

    /// The channel binding tls-server-end-point (RFC 5929) of the server's certificate,
    /// on either side; empty where it is not defined. See `tls_server_end_point`.
    std::string server_certificate_hash() const;

    /// The last error in words, for people.
    const std::string& failure() const noexcept { return failure_; }

    /// A context's callback (SSL_CTX_sess_set_new_cb): keeps the session for the next
    /// connection. In TLS 1.3 it comes from within `decrypt`.
    static int on_new_session(SSL* ssl, SSL_SESSION* session);

 private:
    struct ssl_free {
        void operator()(SSL* ssl) const noexcept;
    };
    class transfer;

    explicit tls_filter(SSL* ssl) noexcept : ssl_{ssl} {}
    boost::system::error_code set_up(const options& how);
    boost::system::error_code check_peer() const;
    boost::system::error_code fail(boost::system::error_code error);
    boost::system::error_code handshake_error();

    tls_wire wire_;
    std::unique_ptr<SSL, ssl_free> ssl_;
    std::string pending_;  // came behind the handshake
    std::string failure_;
    std::string server_name_;
    std::shared_ptr<tls_session_cache> sessions_;
    bool direct_ = false;
    bool established_ = false;
    bool closed_ = false;
};

/// The hash of a certificate that binds SCRAM to the TLS connection: by the hash of
/// its signature algorithm, SHA-256 in place of MD5 and SHA-1 (RFC 5929, section 4.1).
/// Empty for signatures without a hash of their own (Ed25519).
std::string tls_server_end_point(X509* certificate);

}  // namespace pgballast::net
