// Which requests a browser may have been tricked into.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http_server.hpp"

namespace signup_demo {

struct denial {
    boost::beast::http::status status;
    const char* why;
};

/// Refuses a Host that is not this machine (DNS rebinding), and a request that changes
/// something where Origin or Sec-Fetch-Site tells of another site (CSRF). Programs that are
/// no browser send neither.
std::optional<denial> check_origin(const request& asked);

/// Whether the body is announced as JSON: only so a browser asks before it sends it to
/// another site.
bool is_json(const request& asked);

}  // namespace signup_demo
