// Signing up: from the request's body to the answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "database.hpp"
#include "form.hpp"

namespace signup_demo {

struct signed_up {
    boost::beast::http::status status;
    boost::json::object body;
    std::chrono::microseconds in_database{};  // from asking until it was answered
};

/// `{"error": {"code", "message"}}`.
boost::json::object error_json(std::string_view code, std::string_view message);

/// 422, with `fields`.
signed_up refused(const field_errors& fields);

/// 201 with user and session; 409 for no row; 503 with the driver's words for an error.
signed_up answer_of(const query_result& result, const std::string& token);

/// Hashes the password on `hashing` and adds user and session. `application` tells whose
/// users they are.
boost::asio::awaitable<signed_up> sign_up(std::string body, std::string application, database& into,
                                          boost::asio::thread_pool& hashing);

}  // namespace signup_demo
