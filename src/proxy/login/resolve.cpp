#include "resolve.hpp"

#include <sys/un.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
namespace errc = boost::system::errc;

/// A lookup in the resolver's thread. Shared with its handler, which may come long
/// after the coroutine has given up.
struct lookup {
    explicit lookup(const asio::any_io_executor& executor)
        : resolver{executor}, answered{executor} {}

    tcp::resolver resolver;
    asio::steady_timer answered;  // cancelled by the answer, expires at the deadline
    std::optional<addresses> answer;
};

addresses all_of(const tcp::resolver::results_type& found) {
    std::vector<stream_endpoint> result;
    for (const auto& entry : found)
        result.emplace_back(entry.endpoint());
    return result;
}

void start(const std::shared_ptr<lookup>& state, const std::string& name, std::uint16_t port) {
    state->resolver.async_resolve(
        name, std::to_string(port), tcp::resolver::numeric_service,
        [state](error_code error, const tcp::resolver::results_type& found) {
            state->answer = error ? addresses{error} : all_of(found);
            state->answered.cancel();
        });
}

addresses socket_file(const config::endpoint& host) {
    const auto path = host.host + "/.s.PGSQL." + std::to_string(host.port);
    if (path.size() >= sizeof sockaddr_un{}.sun_path)
        return make_error_code(errc::filename_too_long);
    return std::vector<stream_endpoint>{asio::local::stream_protocol::endpoint{path}};
}

}  // namespace

asio::awaitable<addresses> resolve(const config::endpoint& host,
                                   std::chrono::steady_clock::time_point deadline) {
    if (host.is_unix())
        co_return socket_file(host);

    const auto& name = host.hostaddr.empty() ? host.host : host.hostaddr;
    error_code no_address;
    const auto address = asio::ip::make_address(name, no_address);
    if (!no_address)
        co_return std::vector<stream_endpoint>{tcp::endpoint{address, host.port}};

    const auto executor = co_await asio::this_coro::executor;
    const auto state = std::make_shared<lookup>(executor);
    state->answered.expires_at(deadline);
    start(state, name, host.port);
    co_await state->answered.async_wait(asio::as_tuple(asio::use_awaitable));
    if (state->answer)
        co_return std::move(*state->answer);
    state->resolver.cancel();
    co_return make_error_code(errc::timed_out);
}

}  // namespace pgballast::proxy
