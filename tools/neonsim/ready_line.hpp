// The line neonsim prints when it is ready.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "cluster.hpp"
#include "options.hpp"

namespace neonsim {

/// One JSON object: how to connect by server name and by option, and where the control is.
std::string ready_line(const options& given, const cluster& where,
                       const boost::asio::ip::tcp::endpoint& clients,
                       const boost::asio::ip::tcp::endpoint& controls);

}  // namespace neonsim
