// The demo as a whole: its two databases, what it watches, and its pages.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <string>

#include "database.hpp"
#include "http_client.hpp"
#include "http_server.hpp"
#include "options.hpp"
#include "timeline.hpp"

namespace signup_demo {

class application {
 public:
    explicit application(const options& given);

    /// Creates the tables that are missing. Throws `std::runtime_error` in the driver's words.
    boost::asio::awaitable<void> create_tables();

    /// Opens a column's connection, if there is to be one, as an application does that
    /// starts; where that fails, the first request tries again.
    boost::asio::awaitable<void> connect(lane column);

    /// Keeps the time line, for as long as its executor runs.
    boost::asio::awaitable<void> watch();

    boost::asio::awaitable<response> answer(const request& asked);

 private:
    boost::asio::awaitable<response> choose(const request& asked);
    boost::asio::awaitable<response> sign_up_with(const request& asked, lane column);
    boost::asio::awaitable<response> act(const request& asked, std::string verb);
    boost::asio::awaitable<response> restart(const request& asked, lane column);
    boost::asio::awaitable<void> look();
    void note(lane column);
    response health(const request& asked) const;
    response state(const request& asked) const;
    response page(const request& asked) const;
    database& of(lane column);

    const options given_;
    database pgballast_;
    std::optional<database> direct_;
    boost::asio::thread_pool hashing_{2};
    timeline timeline_;
    std::optional<boost::json::object> compute_;  // neonsim's statistics, when it was last asked
    std::optional<boost::json::object> proxy_;    // pgballast's own
    bool slow_wake_ = false;
};

}  // namespace signup_demo
