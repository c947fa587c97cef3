// What all TLS connections to one upstream share: trusted roots, our own
// certificate, sessions to resume.
#pragma once

#include <memory>
#include <string>

#include "pgballast/config/settings.hpp"
#include "pgballast/net/tls.hpp"
#include "pgballast/net/tls_session_cache.hpp"

namespace pgballast::net {

/// A client context after libpq's rules for sslmode and sslrootcert.
/// https://www.postgresql.org/docs/15/libpq-ssl.html
///
/// | sslmode     | sslrootcert         | verified                                  |
/// |-------------|---------------------|-------------------------------------------|
/// | verify-full |                     | chain and host name                       |
/// | verify-ca   |                     | chain                                     |
/// | any         | "system"            | chain and host name: anybody can have a   |
/// |             |                     | certificate of a public authority         |
/// | weaker      | a file that exists  | chain                                     |
/// | weaker      | none, or no file    | nothing                                   |
///
/// verify-* without sslrootcert trusts the system's roots. May be used from any thread.
class tls_context {
 public:
    /// Throws `std::runtime_error`, naming the file, when one cannot be loaded.
    explicit tls_context(const config::dsn& upstream);

    /// The client's side of a connection to `host`, a name or an address.
    /// Errors: those of `tls_filter::make`.
    boost::system::result<std::unique_ptr<tls_filter>> make_filter(const std::string& host) const;

    bool verifies() const noexcept { return verifies_; }
    bool checks_name() const noexcept { return checks_name_; }

 private:
    void trust(const config::dsn& upstream);

    ssl_context_ptr context_;
    std::shared_ptr<tls_session_cache> sessions_ = std::make_shared<tls_session_cache>();
    bool verifies_ = false;
    bool checks_name_ = false;
    bool direct_ = false;
};

}  // namespace pgballast::net
