// Accepts clients and callers of the control, for ever.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "event.hpp"

namespace neonsim {

struct world;

task<void> serve_clients(asio::ip::tcp::acceptor& listener, world& all);
task<void> serve_controls(asio::ip::tcp::acceptor& listener, world& all);

}  // namespace neonsim
