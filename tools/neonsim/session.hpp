// One connection of a client, from its first byte to its last.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <memory>
#include <string>

#include "event.hpp"
#include "faults.hpp"
#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/startup.hpp"
#include "refusal.hpp"

namespace neonsim {

namespace wire = pgballast::wire;

struct world;

using session_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Kept alive by its coroutines: one until the client is let in, two that relay.
class session : public std::enable_shared_from_this<session>, public session_hook {
 public:
    session(world& around, asio::ip::tcp::socket client);

    /// Serves the client to its end; others end it with the functions below.
    task<void> run();

    bool has_client() const noexcept { return client_.next_layer().is_open(); }
    bool has_backend() const noexcept { return server_.is_open(); }

    void reset();           // RST
    void finish();          // FIN, without close_notify
    void abandon_server();  // the client is left hanging: nobody answers any more

 private:
    using tcp_socket = asio::ip::tcp::socket;

    // Why the relaying ends, where it is not PostgreSQL that ends it.
    enum class ending { none, reset, finish, abandoned };

    tcp_socket& socket() { return client_.next_layer(); }

    task<void> serve();

    // greeting.cpp: up to the end of the TLS handshake.
    task<bool> greet();
    task<bool> shake_hands();
    task<void> refuse_plain();
    task<void> forward_cancel(wire::cancel_request request);

    // login.cpp: up to the first ReadyForQuery.
    task<bool> log_in();
    task<refusal> admit(const wire::startup_message& startup);
    refusal read_endpoint(const wire::startup_message& startup);
    task<refusal> fail_if_planned(stage where);
    task<refusal> reach_compute(const wire::startup_message& startup);
    task<bool> answer();
    task<void> refuse(std::string text);

    // authentication.cpp
    task<refusal> authenticate(std::string user);
    task<refusal> check_password(std::string user);
    task<refusal> check_scram(std::string user);
    task<refusal> check_clear_text(std::string user);
    task<std::optional<std::string>> read_password_message();
    bool is_known(const std::string& user) const;

    // backend.cpp
    task<refusal> connect_backend(const wire::startup_message& startup);
    task<refusal> read_until_ready();
    void take_backend_key(wire::bytes body);

    // relay.cpp
    task<void> relay();
    task<void> part();
    task<void> client_to_server(std::shared_ptr<session> self);
    task<void> server_to_client();
    task<void> end_client(bool say_close_notify);
    void drop_client();

    world& world_;
    asio::ssl::stream<tcp_socket> client_;
    asio::local::stream_protocol::socket server_;
    asio::steady_timer deadline_;  // of the log-in, then of a client that was told to go
    std::string out_;              // goes with the next answer: held back while the compute wakes
    std::string endpoint_;
    std::string options_;  // for PostgreSQL
    wire::backend_key issued_key_;
    ending ending_ = ending::none;
};

}  // namespace neonsim
