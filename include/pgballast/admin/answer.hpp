// What the admin port answers to a request: no socket here.
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "pgballast/admin/status.hpp"

namespace pgballast::admin {

using request = boost::beast::http::request<boost::beast::http::empty_body>;
using response = boost::beast::http::response<boost::beast::http::string_body>;

/// Takes a status when one is needed.
using look = std::function<status()>;

/// Answers `GET` and `HEAD` of the pages there are; else in plain text with 404, 405, or
/// what is wrong with the Host field: 400 (RFC 9112, 3.2) or 421, see `is_loopback_host`.
response answer(const request& asked, std::string_view listen_host, const look& at);

/// An answer in plain text after which the connection is closed; for what is no request.
response refusal(boost::beast::http::status status);

}  // namespace pgballast::admin
