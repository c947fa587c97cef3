// What all TLS connections of clients share: our certificate, and the authorities of
// theirs.
#pragma once

#include <memory>

#include "pgballast/config/settings.hpp"
#include "pgballast/net/tls.hpp"

namespace pgballast::net {

/// A server context. With `ca` clients are asked for a certificate, and one that is shown
/// must be of those authorities; verify-ca and verify-full insist on one. Nothing is
/// resumed, as at PostgreSQL: drivers do not, and tickets would cost each login some.
///
/// Immutable: what is to be read anew is made anew. May be used from any thread.
class tls_server {
 public:
    /// Throws `std::runtime_error`, naming the file, when one cannot be loaded.
    explicit tls_server(const config::client_tls_settings& settings);

    /// The server's side of a connection. `direct`: no SSLRequest went before, so ALPN has
    /// to say what is spoken. PostgreSQL protocol, "SSL Session Encryption".
    boost::system::result<std::unique_ptr<tls_filter>> make_filter(bool direct) const;

 private:
    ssl_context_ptr context_;
};

}  // namespace pgballast::net
