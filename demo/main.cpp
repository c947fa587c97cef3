// signup-demo: says where it listens, serves until it is told to stop.
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <sstream>

#include "application.hpp"
#include "http_server.hpp"
#include "listen.hpp"
#include "options.hpp"
#include "secrets.hpp"

namespace signup_demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void announce(const tcp::endpoint& where) {
    std::ostringstream url;
    url << "http://" << where;
    std::cout << R"({"http":")" << url.str() << R"(", "pid":)" << ::getpid() << "}" << std::endl;
}

/// Nobody is accepted before the tables are there.
asio::awaitable<void> serve(application& app, tcp::acceptor acceptor, bool create_tables) {
    if (create_tables)
        co_await app.create_tables();
    const auto where = acceptor.local_endpoint();
    serve_http(std::move(acceptor), [&app](const request& asked) { return app.answer(asked); });
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, app.watch(), asio::detached);
    asio::co_spawn(executor, app.connect(lane::pgballast), asio::detached);
    asio::co_spawn(executor, app.connect(lane::direct), asio::detached);
    announce(where);
}

asio::awaitable<void> wait_for_end_of_stdin() {
    const auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor input{executor, ::dup(STDIN_FILENO)};
    char octet = 0;
    boost::system::error_code end;
    auto token = asio::redirect_error(asio::use_awaitable, end);
    const auto room = asio::buffer(&octet, 1);
    while (!end)
        co_await input.async_read_some(room, token);
}

int run(const options& given) {
    start_crypto();
    asio::io_context context{1};
    auto acceptor = listen_on(context, given.listen);
    application app{given};
    std::exception_ptr failed;

    asio::signal_set signals{context, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
    if (given.exit_with_stdin)
        asio::co_spawn(context, wait_for_end_of_stdin(),
                       [&](std::exception_ptr) { context.stop(); });
    asio::co_spawn(context, serve(app, std::move(acceptor), given.create_tables),
                   [&](std::exception_ptr error) {
                       failed = error;
                       if (error)
                           context.stop();
                   });
    context.run();
    if (failed)
        std::rethrow_exception(failed);
    return 0;
}

int dispatch(const exit_status& done) {
    return done.value;
}
int dispatch(const options& given) {
    return run(given);
}

}  // namespace
}  // namespace signup_demo

int main(int argc, char** argv) {
    try {
        const auto wanted = signup_demo::parse_command_line(argc, argv);
        return std::visit([](const auto& what) { return signup_demo::dispatch(what); }, wanted);
    } catch (const std::exception& error) {
        std::cerr << "signup-demo: " << error.what() << '\n';
        return 1;
    }
}
