#include "listeners.hpp"

#include "http_server.hpp"
#include "spawn.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;
using tcp = asio::ip::tcp;

// With no descriptor left accepting fails at once, and would again.
constexpr auto accept_retry = 20ms;

task<void> run_session(std::shared_ptr<session> one) {
    co_await one->run();
}

/// The next connection, whatever goes wrong meanwhile.
task<tcp::socket> accept(tcp::acceptor& listener) {
    for (;;) {
        boost::system::error_code error;
        auto client =
            co_await listener.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (!error)
            co_return client;
        co_await sleep_for(accept_retry);
    }
}

}  // namespace

task<void> serve_clients(tcp::acceptor& listener, world& all) {
    for (;;) {
        auto client = co_await accept(listener);
        boost::system::error_code gone;
        client.set_option(tcp::no_delay{true}, gone);
        start_task(listener.get_executor(),
                   run_session(std::make_shared<session>(all, std::move(client))));
    }
}

task<void> serve_controls(tcp::acceptor& listener, world& all) {
    for (;;) {
        auto client = co_await accept(listener);
        start_task(listener.get_executor(), serve_control(std::move(client), all));
    }
}

}  // namespace neonsim
