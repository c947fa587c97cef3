// From a host of the configuration to the addresses it has at this moment.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <vector>

#include "pgballast/config/settings.hpp"

namespace pgballast::proxy {

using stream_endpoint = boost::asio::generic::stream_protocol::endpoint;
using addresses = boost::system::result<std::vector<stream_endpoint>>;

/// Addresses in the order to try them. Only names that are no addresses are looked up.
///
/// Errors: the resolver's; `errc::timed_out` at the deadline, though the system's
/// resolver cannot be stopped and holds up later lookups of the io_context;
/// `errc::filename_too_long` for a Unix socket.
boost::asio::awaitable<addresses> resolve(const config::endpoint& host,
                                          std::chrono::steady_clock::time_point deadline);

}  // namespace pgballast::proxy
