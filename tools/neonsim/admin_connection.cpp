#include "admin_connection.hpp"

#include <boost/asio/write.hpp>

#include "cluster.hpp"
#include "messages_io.hpp"
#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/reader.hpp"

namespace neonsim {
namespace {

constexpr std::uint32_t body_max = 1 << 20;

std::vector<std::string> decode_data_row(wire::bytes body) {
    wire::reader in{body};
    std::vector<std::string> fields;
    for (auto left = in.i16(); left > 0 && in.good(); --left) {
        const auto size = in.i32();
        fields.emplace_back(in.view(size < 0 ? 0 : static_cast<std::size_t>(size)));
    }
    return fields;
}

std::string quote(std::string_view text, char mark) {
    std::string quoted(1, mark);
    for (const char c : text)
        quoted.append(c == mark ? 2 : 1, c);
    return quoted + mark;
}

}  // namespace

task<boost::system::error_code> admin_connection::connect(const std::filesystem::path& socket) {
    boost::system::error_code error;
    const asio::local::stream_protocol::endpoint server{socket.string()};
    co_await socket_.async_connect(server, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return error;

    wire::startup_message startup{wire::protocol_3_0, {}};
    startup.parameters = {
        {"user", superuser}, {"database", "postgres"}, {"application_name", "neonsim"}};
    const auto packet = wire::encode_startup(startup);
    const auto octets = asio::buffer(packet);
    co_await asio::async_write(socket_, octets, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return error;
    const auto reply = co_await read_reply(boost::system::errc::connection_refused);
    co_return reply ? boost::system::error_code{} : reply.error();
}

task<boost::system::result<rows>> admin_connection::query(std::string text) {
    boost::system::error_code error;
    std::string packet;
    wire::append_query(packet, text);
    const auto octets = asio::buffer(packet);
    co_await asio::async_write(socket_, octets, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return error;
    auto reply = co_await read_reply(boost::system::errc::protocol_error);
    co_return reply;
}

/// Reads up to ReadyForQuery; an error at log-in ends with the connection instead.
task<boost::system::result<rows>> admin_connection::read_reply(
    boost::system::errc::errc_t on_error) {
    rows result;
    boost::system::error_code failed;
    for (;;) {
        const auto next = co_await read_message(socket_, body_max);
        if (!next)
            co_return failed ? failed : next.error();
        if (next->type == 'D')
            result.push_back(decode_data_row(next->body));
        if (next->type == 'E')
            failed = make_error_code(on_error);
        if (next->type == 'Z')
            break;
    }
    if (failed)
        co_return failed;
    co_return result;
}

std::string quote_identifier(std::string_view name) {
    return quote(name, '"');
}
std::string quote_literal(std::string_view text) {
    return quote(text, '\'');
}

}  // namespace neonsim
