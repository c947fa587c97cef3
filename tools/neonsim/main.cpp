// neonsim: says when it is ready, serves until it is told to stop, cleans up.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "address.hpp"
#include "certificate.hpp"
#include "listeners.hpp"
#include "options.hpp"
#include "ready_line.hpp"
#include "spawn.hpp"
#include "temporary_directory.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

using tcp = asio::ip::tcp;

identity make_identity(const options& given, const certificate& own) {
    return {given.endpoint,
            given.user,
            given.password,
            given.database,
            pgballast::auth::make_scram_verifier(given.password),
            own.binding,
            make_tls_context(own)};
}

task<void> wait_for_end_of_stdin() {
    const auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor input{executor, ::dup(STDIN_FILENO)};
    char octet = 0;
    boost::system::error_code end;
    const auto room = asio::buffer(&octet, 1);
    while (!end)
        co_await input.async_read_some(room, asio::redirect_error(asio::use_awaitable, end));
}

task<void> stop(asio::io_context& io, world& all) {
    co_await all.postgres.shut_down();
    io.stop();
}

task<void> stop_at_signal(asio::io_context& io, world& all) {
    asio::signal_set signals{io, SIGINT, SIGTERM};
    co_await signals.async_wait(asio::use_awaitable);
    co_await stop(io, all);
}

task<void> stop_with_stdin(asio::io_context& io, world& all) {
    co_await wait_for_end_of_stdin();
    co_await stop(io, all);
}

task<void> become_ready(const options& given, world& all, std::string line) {
    if (given.start_running) {
        const bool running = co_await all.postgres.wake();
        if (!running)
            throw std::runtime_error{"the compute cannot be started"};
        all.counted = {};  // nobody has asked for this wake
    }
    std::cout << line << std::endl;
}

int serve(const options& given) {
    const temporary_directory temporary{!given.data};
    const auto where =
        prepare_cluster(given.data.value_or(temporary.path()), given.template_directory);
    const auto own = make_certificate(given.endpoint);
    std::ofstream{where.directory / "root.crt"} << own.certificate_pem;

    asio::io_context io{1};
    world all{io.get_executor(), make_identity(given, own), where, given.initial,
              given.pg_settings};
    tcp::acceptor clients{io, parse_address(given.listen)};
    tcp::acceptor controls{io, parse_address(given.http)};
    start_task(io.get_executor(), stop_at_signal(io, all));
    if (given.exit_with_stdin)
        start_task(io.get_executor(), stop_with_stdin(io, all));
    start_task(io.get_executor(), serve_clients(clients, all));
    start_task(io.get_executor(), serve_controls(controls, all));
    start_task(io.get_executor(), become_ready(given, all,
                                               ready_line(given, where, clients.local_endpoint(),
                                                          controls.local_endpoint())));
    io.run();
    return 0;
}

int dispatch(const exit_status& done) {
    return done.value;
}
int dispatch(const ctl_options& given) {
    return run_ctl(given);
}
int dispatch(const options& given) {
    return serve(given);
}

}  // namespace
}  // namespace neonsim

int main(int argc, char** argv) {
    try {
        const auto wanted = neonsim::parse_command_line(argc, argv);
        return std::visit([](const auto& what) { return neonsim::dispatch(what); }, wanted);
    } catch (const std::exception& error) {
        std::cerr << "neonsim: " << error.what() << '\n';
        return 1;
    }
}
