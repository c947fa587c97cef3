// Logging in at a server, as bytes: what it says goes in, what to answer comes out.
// PostgreSQL protocol 3.0, "Start-up".
#pragma once

#include <cassert>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgballast/auth/scram.hpp"
#include "pgballast/config/settings.hpp"
#include "pgballast/pool/failure.hpp"
#include "pgballast/wire/messages.hpp"

namespace pgballast::proxy {

using parameter_list = std::vector<std::pair<std::string, std::string>>;

/// What a login yields.
struct backend_session {
    parameter_list parameters;  // as reported by ParameterStatus; names are unique
    wire::backend_key key;      // empty where the server sent none
    std::string early;          // the begin of a message that came behind ReadyForQuery
};

/// From the startup packet to ReadyForQuery. Nothing a server sends makes this hold
/// more than the bounds below.
class backend_login {
 public:
    enum class progress { more, done, failed };

    static constexpr std::uint32_t message_max = 64 * 1024;
    static constexpr std::uint32_t error_size_max = 30000;          // libpq's MAX_ERRLEN
    static constexpr std::uint32_t authentication_size_max = 2000;  // libpq's
    static constexpr std::size_t parameters_max = 64;
    static constexpr std::size_t parameter_size_max = 8 * 1024;
    static constexpr std::size_t received_max = 1024 * 1024;

    /// What the connection offers to channel binding.
    struct transport {
        bool encrypted = false;
        std::string server_certificate_hash;  // tls-server-end-point; may be empty
    };

    /// `upstream` must outlive this object. `neon`: see `pool::classify`.
    backend_login(const config::dsn& upstream, transport how, bool neon);

    /// The startup packet, to be sent first.
    std::string start() const;

    /// Takes what the server sent, in any pieces, and appends what to answer. Not to be
    /// called again once it has returned `done` or `failed`.
    progress feed(wire::bytes in, std::string& out);

    /// After `failed`: why. The server's own words where it was the server that refused.
    const pool::failure& failure() const noexcept {
        assert(progress_ == progress::failed);
        return failure_;
    }

    /// After `failed`: the server turned us away before it asked who we are, which is how
    /// pg_hba.conf speaks; another kind of connection might be let in.
    bool turned_away() const noexcept { return turned_away_; }

    /// How the server wanted to be shown the password.
    std::string_view method() const noexcept { return method_; }

    /// After `done`, once.
    backend_session take_session() {
        assert(progress_ == progress::done);
        return std::move(session_);
    }

 private:
    enum class step {
        startup,
        password_sent,
        scram_first_sent,
        scram_final_sent,
        proven,
        ok,
        ready
    };

    bool read_message(wire::bytes& rest, std::string& out);
    void on_message(char type, wire::bytes body, std::string& out);
    void on_authentication(wire::bytes body, std::string& out);
    void on_password_request(const wire::authentication& request, std::string& out);
    void on_sasl(wire::bytes mechanisms, std::string& out);
    void on_sasl_continue(wire::bytes server_first, std::string& out);
    void on_sasl_final(wire::bytes server_final);
    void on_authentication_ok();
    void on_error(wire::bytes body);
    void on_parameter_status(wire::bytes body);
    void on_backend_key(wire::bytes body);
    void on_ready_for_query(wire::bytes body);

    bool must_bind() const noexcept;
    bool can_bind() const noexcept;

    void refuse(std::string_view sqlstate, std::string message);
    void violation(std::string_view what);
    void violation_by_length(wire::bytes message);
    void fail(pool::failure why);

    const config::dsn& upstream_;
    transport transport_;
    bool neon_;

    progress progress_ = progress::more;
    step step_ = step::startup;
    bool turned_away_ = false;
    std::optional<auth::scram_client> scram_;
    std::string_view method_ = "no password asked for";
    bool bound_ = false;  // the exchange is SCRAM-SHA-256-PLUS

    std::string input_;  // an unfinished message, between calls
    std::size_t received_ = 0;
    backend_session session_;
    pool::failure failure_;
};

}  // namespace pgballast::proxy
