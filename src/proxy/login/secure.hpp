// Puts a connection to a server under TLS. PostgreSQL protocol 3.0, "SSL Session
// Encryption".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "dialogue.hpp"
#include "pgballast/config/settings.hpp"
#include "pgballast/net/tls_context.hpp"
#include "pgballast/pool/failure.hpp"

namespace pgballast::proxy {

/// Asks for TLS, unless it is direct, and shakes hands with `host`. Without a failure
/// `talk.tls()` may still be null: the server has no TLS and sslmode does not insist.
boost::asio::awaitable<std::optional<pool::failure>> secure(dialogue& talk,
                                                            const config::dsn& upstream,
                                                            const net::tls_context& tls, bool neon,
                                                            const std::string& host, bool insist);

}  // namespace pgballast::proxy
