// TLS as a filter: encrypted bytes in, plain bytes out, and back. It knows no
// socket, so the same object shakes hands under a coroutine and relays under an
// engine.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace pgballast::net {

using bytes = std::string_view;

/// Receives bytes that a filter has produced; they are good during the call only.
using byte_sink = std::function<void(bytes)>;

class tls_filter {
 public:
    enum class role { client, server };
    enum class progress { more, done };  // more: feed what the peer sends next

    /// `context` is shared; `server_name` (client only) is sent as SNI and, where the
    /// context verifies, checked against the certificate when `check_name` is set.
    /// `direct`: offer ALPN "postgresql".
    struct options {
        role side;
        std::string server_name;
        bool check_name = false;
        bool direct = false;
    };
    static boost::system::result<std::unique_ptr<tls_filter>> make(SSL_CTX* context,
                                                                   const options& how);
    ~tls_filter();

    /// Takes what the peer sent (nothing at the client's start) and says what to
    /// send back. Plain bytes that came behind the handshake wait for `decrypt`.
    boost::system::result<progress> handshake(bytes in, const byte_sink& to_peer);

    /// Errors: the library's; `asio::ssl::error::stream_truncated` is not one here:
    /// `closed()` tells whether the peer said close_notify.
    boost::system::error_code decrypt(bytes in, const byte_sink& plain, const byte_sink& to_peer);
    boost::system::error_code encrypt(bytes plain, const byte_sink& to_peer);

    /// Says close_notify.
    void shutdown(const byte_sink& to_peer);

    bool closed() const noexcept;          // the peer said close_notify
    std::string version() const;           // "TLSv1.3"
    std::string peer_certificate_hash() const;  // tls-server-end-point, RFC 5929
    std::string failure() const;           // the last error in words, for people

 private:
    tls_filter();
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace pgballast::net
