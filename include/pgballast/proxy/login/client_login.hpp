// Letting a client in, as bytes: what it says goes in, what to answer and what it
// amounts to comes out. PostgreSQL protocol 3.0, "Start-up".
#pragma once

#include <cassert>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "pgballast/auth/scram.hpp"
#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/startup.hpp"

namespace pgballast::proxy {

/// From a client's first byte to AuthenticationOk. Nothing a client sends makes this
/// hold more than the bounds below.
class client_login {
 public:
    static constexpr std::uint32_t password_size_max = 1024;  // PG_MAX_SASL_MESSAGE_LENGTH

    /// What is kept of a password as "md5" and 32 digits, as by an old PgBouncer.
    struct md5_secret {
        std::string text;
    };
    using secret = std::variant<auth::scram_verifier, md5_secret>;

    /// Finds what is kept of a user's password, for a database that may not exist;
    /// nothing when there is no such user.
    using secret_lookup =
        std::function<std::optional<secret>(const std::string& user, const std::string& database)>;

    struct options {
        secret_lookup find_secret;

        /// Makes the verifiers of unknown users; one for the life of the process, so that
        /// a user is given the same salt each time.
        std::string mock_secret;

        bool mock_md5 = false;  // unknown users are asked for md5, since known ones are

        bool tls_available = false;        // answers 'S' to SSLRequest
        bool tls_required = false;         // refuses a startup packet in the clear
        bool name_in_certificate = false;  // the user's, as its common name
    };

    /// What TLS tells about a client.
    struct tls_facts {
        std::string server_certificate_hash{};  // not empty: clients may bind to it
        std::string client_certificate_name{};  // its common name; empty: none was shown
    };

    struct more {};       // feed what the client sends next
    struct start_tls {};  // 'S' goes out in the clear; then shake hands and call `tls_started`
    struct cancel {       // to be closed without an answer
        wire::cancel_request request;
    };
    struct authenticated {
        std::string user;
        std::string database;
        /// All startup parameters but user, database and replication.
        std::vector<std::pair<std::string, std::string>> parameters;
        std::string early;  // came behind the last message of the login
    };
    struct rejected {        // to be closed when the answer, an ErrorResponse, has gone out
        std::string reason;  // in words, for the log
        std::string user;    // as far as it was known
    };
    using event = std::variant<more, start_tls, cancel, authenticated, rejected>;

    explicit client_login(options how);

    /// Takes what the client sent, in any pieces, and appends what to answer. Not to be
    /// called again after `cancel`, `authenticated` or `rejected`; after `start_tls` only
    /// with what comes out of TLS.
    event feed(wire::bytes in, std::string& out);

    /// The handshake that `start_tls` asked for is done (or was, before the first byte:
    /// direct TLS).
    void tls_started(tls_facts facts);

 private:
    enum class step { startup, tls, md5, sasl_initial, sasl_final, over };

    std::optional<event> read_startup(std::string& out);
    std::optional<event> read_password(std::string& out);

    event on_startup_error(boost::system::error_code why, std::string& out);
    std::optional<event> on_ssl_request(std::string& out);
    std::optional<event> on_gssenc_request(std::string& out);
    std::optional<event> on_startup(wire::startup_message message, std::string& out);
    std::optional<event> check_transport(std::string& out);
    void ask_for_secret(std::string& out);
    event on_md5_answer(wire::bytes body, std::string& out);
    event let_in(std::string& out);
    std::optional<event> on_sasl_initial(wire::bytes body, std::string& out);
    event on_sasl_final(wire::bytes body, std::string& out);

    event on_scram_error(boost::system::error_code why, std::string& out);
    event unsupported_protocol(std::int32_t code, std::string& out);
    event reject(std::string& out, wire::bytes sqlstate, std::string message);
    event wrong_password(std::string& out);

    options options_;
    step step_ = step::startup;
    bool ssl_asked_ = false;
    bool gss_asked_ = false;
    bool encrypted_ = false;
    tls_facts tls_;
    std::string md5_salt_;
    std::string md5_stored_;
    std::optional<auth::scram_server> scram_;
    authenticated who_;
    std::string input_;  // an unfinished message, between calls
};

/// Appends what follows AuthenticationOk: ParameterStatus for each parameter,
/// BackendKeyData, ReadyForQuery.
void append_welcome(std::string& out,
                    const std::vector<std::pair<std::string, std::string>>& parameters,
                    std::int32_t pid, wire::bytes key);

}  // namespace pgballast::proxy
