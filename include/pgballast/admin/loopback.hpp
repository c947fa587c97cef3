// Who may talk to the admin port, which knows no password: this machine only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/result.hpp>
#include <string_view>

#include "pgballast/config/error.hpp"
#include "pgballast/config/settings.hpp"

namespace pgballast::admin {

/// Where to listen. Looks up names, and so may wait for a name server.
///
/// Errors name `admin.listen`: a name that is not known, an address that others reach.
boost::system::result<boost::asio::ip::tcp::endpoint, config::config_error> loopback_endpoint(
    const config::endpoint& listen);

/// Whether a Host field names this machine as its own programs do: `localhost`, an
/// address of the loopback network, or the host of `admin.listen`; with any port, as
/// one may be forwarded here.
///
/// A web page whose own name was made to resolve to 127.0.0.1 could otherwise read the
/// answers through its visitor's browser (DNS rebinding); the browser still names the page.
bool is_loopback_host(std::string_view host_field, std::string_view listen_host);

}  // namespace pgballast::admin
