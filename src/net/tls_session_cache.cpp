#include "pgballast/net/tls_session_cache.hpp"

#include <openssl/ssl.h>

namespace pgballast::net {

void ssl_session_free::operator()(SSL_SESSION* session) const noexcept {
    SSL_SESSION_free(session);
}

void tls_session_cache::keep(const std::string& server, ssl_session_ptr session) {
    const std::lock_guard lock{mutex_};
    if (latest_.size() >= servers_max && !latest_.contains(server))
        latest_.erase(latest_.begin());
    latest_[server] = std::move(session);
}

ssl_session_ptr tls_session_cache::find(const std::string& server) const {
    const std::lock_guard lock{mutex_};
    const auto found = latest_.find(server);
    if (found == latest_.end() || !SSL_SESSION_is_resumable(found->second.get()))
        return nullptr;
    return ssl_session_ptr{SSL_SESSION_dup(found->second.get())};
}

void tls_session_cache::forget(const std::string& server) {
    const std::lock_guard lock{mutex_};
    latest_.erase(server);
}

}  // namespace pgballast::net
