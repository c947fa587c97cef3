// Asks a neighbour on this machine for JSON.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <variant>

namespace signup_demo {

/// Why there is no answer: the neighbour's own words where it has any.
struct no_answer {
    std::string why;
};

using json_answer = std::variant<boost::json::object, no_answer>;

/// One request to `http://ADDRESS:PORT`, which must be an address; `body` is JSON, or empty.
boost::asio::awaitable<json_answer> ask(std::string url, boost::beast::http::verb method,
                                        std::string target, std::string body,
                                        std::chrono::seconds timeout);

/// Throws `std::runtime_error` where `url` is not one `ask` can use.
void check_url(const std::string& url);

}  // namespace signup_demo
