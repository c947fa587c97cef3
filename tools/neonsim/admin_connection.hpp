// neonsim's own connection to PostgreSQL, as the superuser.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/result.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "event.hpp"

namespace neonsim {

using rows = std::vector<std::vector<std::string>>;  // NULL is the empty string

/// Speaks just enough of the protocol for simple queries over a trusted Unix socket.
class admin_connection {
 public:
    explicit admin_connection(asio::any_io_executor executor) : socket_{std::move(executor)} {}

    /// Logs in to database postgres. Errors: the socket's, or `connection_refused`
    /// when the server says no.
    task<boost::system::error_code> connect(const std::filesystem::path& socket);

    /// Runs one statement. Errors: the socket's, or `protocol_error` when it failed.
    task<boost::system::result<rows>> query(std::string text);

 private:
    task<boost::system::result<rows>> read_reply(boost::system::errc::errc_t on_error);

    asio::local::stream_protocol::socket socket_;
};

std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace neonsim
