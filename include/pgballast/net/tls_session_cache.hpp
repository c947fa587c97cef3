// Sessions of earlier connections to an upstream, offered to the next one: an
// abbreviated handshake saves a signature and its verification.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

using SSL_SESSION = struct ssl_session_st;

namespace pgballast::net {

struct ssl_session_free {
    void operator()(SSL_SESSION* session) const noexcept;
};
using ssl_session_ptr = std::unique_ptr<SSL_SESSION, ssl_session_free>;

/// The latest session by server name. Only for connections that verify alike: a
/// resumed session is not verified again. May be used from any thread.
class tls_session_cache {
 public:
    static constexpr std::size_t servers_max = 16;

    void keep(const std::string& server, ssl_session_ptr session);

    /// A copy for one connection (OpenSSL writes to the session it resumes), or null.
    ssl_session_ptr find(const std::string& server) const;

    void forget(const std::string& server);

 private:
    mutable std::mutex mutex_;
    std::map<std::string, ssl_session_ptr> latest_;
};

}  // namespace pgballast::net
