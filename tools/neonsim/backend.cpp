// The connection to PostgreSQL behind a client.
#include <algorithm>
#include <boost/asio/write.hpp>

#include "messages_io.hpp"
#include "pgballast/wire/writer.hpp"
#include "session.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

constexpr std::uint32_t body_max = 1 << 20;
constexpr int reserved_connections = 3;  // superuser_reserved_connections

constexpr std::string_view no_slot_left =
    "remaining connection slots are reserved for non-replication superuser connections";

/// Neon's proxy passes on these parameters and no others, without a word.
wire::startup_message startup_for_postgres(const wire::startup_message& client,
                                           const std::string& options) {
    wire::startup_message forwarded{wire::protocol_3_0, {{"client_encoding", "UTF8"}}};
    for (const char* name : {"user", "database", "application_name", "replication"})
        if (const auto value = client.get(name); !value.empty())
            forwarded.parameters.emplace_back(name, value);
    if (!options.empty())
        forwarded.parameters.emplace_back("options", options);
    return forwarded;
}

}  // namespace

task<refusal> session::connect_backend(const wire::startup_message& startup) {
    const auto taken = std::ranges::count_if(
        world_.sessions, [](const session& other) { return other.has_backend(); });
    // PostgreSQL learns of a new max_connections only when it starts.
    if (taken >= world_.current.max_connections - reserved_connections)
        co_return std::string{no_slot_left};

    boost::system::error_code error;
    const asio::local::stream_protocol::endpoint where{world_.data.socket().string()};
    co_await server_.async_connect(where, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return std::string{default_text(stage::compute)};
    const auto packet = wire::encode_startup(startup_for_postgres(startup, options_));
    const auto octets = asio::buffer(packet);
    co_await asio::async_write(server_, octets, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        co_return std::string{default_text(stage::compute)};
    co_return co_await read_until_ready();
}

/// Collects what PostgreSQL says at log-in; of its errors only the text is passed on.
task<refusal> session::read_until_ready() {
    for (;;) {
        const auto next = co_await read_message(server_, body_max);
        if (!next)
            co_return std::string{default_text(stage::compute)};
        if (next->type == 'E')
            co_return std::string{wire::decode_error_fields(next->body).message};
        if (next->type == 'K')
            take_backend_key(next->body);
        else if (next->type != 'R')  // authentication is ours
            wire::message{out_, next->type}.view(next->body);
        if (next->type == 'Z')
            co_return refusal{};
    }
}

void session::take_backend_key(wire::bytes body) {
    auto key = wire::decode_backend_key(body);
    if (!key)
        return;
    issued_key_ = world_.keys.issue(std::move(*key));
    wire::append_backend_key(out_, issued_key_.pid, issued_key_.key);
}

}  // namespace neonsim
