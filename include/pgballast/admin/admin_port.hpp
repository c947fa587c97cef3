// The admin port of a proxy: health checks, metrics and statistics over HTTP.
#pragma once

#include <string_view>

#include "pgballast/proxy/proxy.hpp"

namespace pgballast::admin {

/// Serves `settings().admin`, which must be there, on the proxy's control plane for as
/// long as that exists, and logs the address.
///
/// Throws `std::runtime_error` in words for people, which name `admin.listen`, where the
/// address is not of this machine only or cannot be listened on.
void serve(proxy::proxy& served, std::string_view version);

}  // namespace pgballast::admin
