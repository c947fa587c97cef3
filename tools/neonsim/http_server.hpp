// The control over HTTP: POST /<verb>, GET /stats; JSON out, JSON or a query in.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "event.hpp"

namespace neonsim {

struct world;

/// Serves one connection to its end.
task<void> serve_control(asio::ip::tcp::socket client, world& on);

}  // namespace neonsim
