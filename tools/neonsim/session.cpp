#include "session.hpp"

#include "world.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;

// As long as Neon's proxy waits for a handshake.
constexpr auto login_patience = 15s;

}  // namespace

session::session(world& around, tcp_socket client)
    : world_{around},
      client_{std::move(client), around.self.tls},
      server_{socket().get_executor()},
      deadline_{socket().get_executor()} {
    world_.sessions.push_back(*this);
}

task<void> session::run() {
    const auto self = shared_from_this();
    deadline_.expires_after(login_patience);
    deadline_.async_wait([self](boost::system::error_code cancelled) {
        if (!cancelled && !self->world_.way.frozen())
            self->drop_client();
    });

    const bool encrypted = co_await greet();
    if (encrypted)
        co_await serve();
    deadline_.cancel();
    world_.keys.revoke(issued_key_);
}

task<void> session::serve() {
    const bool let_in = co_await log_in();
    deadline_.cancel();
    if (let_in)
        co_await relay();
    else if (ending_ == ending::none)
        co_await part();
}

void session::drop_client() {
    boost::system::error_code gone;
    socket().close(gone);
}

void session::reset() {
    ending_ = ending::reset;
    boost::system::error_code gone;
    socket().set_option(asio::socket_base::linger{true, 0}, gone);
    socket().close(gone);
    server_.close(gone);
}

void session::finish() {
    ending_ = ending::finish;
    boost::system::error_code gone;
    socket().shutdown(tcp_socket::shutdown_send, gone);
    server_.close(gone);
}

void session::abandon_server() {
    if (!server_.is_open())
        return;
    ending_ = ending::abandoned;
    boost::system::error_code gone;
    server_.close(gone);
}

}  // namespace neonsim
