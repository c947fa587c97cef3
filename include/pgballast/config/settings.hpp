// One immutable, validated configuration: what every other layer reads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pgballast::config {

using std::chrono::milliseconds;

/// libpq's sslmode. https://www.postgresql.org/docs/15/libpq-ssl.html
enum class sslmode { disable, allow, prefer, require, verify_ca, verify_full };
enum class sslnegotiation { postgres, direct };
enum class channel_binding { disable, prefer, require };

/// Where to connect to, or to listen. A host beginning with '/' is the directory
/// of a Unix socket.
struct endpoint {
    std::string host;
    std::uint16_t port = 5432;
    std::string hostaddr{};  // libpq's: connect here, but verify and send `host` as SNI

    bool is_unix() const noexcept { return host.starts_with('/'); }
    bool operator==(const endpoint&) const = default;
};

/// A server and how to log in there, as a PostgreSQL URL or a keyword string says it.
struct dsn {
    std::vector<endpoint> hosts;  // tried in order; never empty after validation
    std::string user;
    std::string password;
    std::string dbname;
    std::string options;  // `-c name=value …`, as libpq's
    std::string application_name;
    config::sslmode sslmode = config::sslmode::prefer;
    config::sslnegotiation sslnegotiation = config::sslnegotiation::postgres;
    config::channel_binding channel_binding = config::channel_binding::prefer;
    std::filesystem::path sslrootcert;  // empty or "system": the system's roots
    std::filesystem::path sslcert;
    std::filesystem::path sslkey;
    std::string target_session_attrs;  // read and kept; any is the only one honoured so far
    std::optional<milliseconds> connect_timeout;  // none: retry_settings::connect_timeout

    bool operator==(const dsn&) const = default;
};

enum class pool_mode { automatic, transaction, session };
enum class neon_pooler { replace, keep };
enum class answer_pings { off, empty, select1 };
enum class lost_transaction { abort, close };

struct pool_settings {
    pool_mode mode = pool_mode::automatic;
    unsigned min = 1;  // backends kept while the compute is awake
    unsigned max = 10;
    bool keep_warm = false;  // reopen `min` after a suspend, and so keep the compute awake
    milliseconds max_idle = std::chrono::minutes{10};   // 0: for ever
    milliseconds max_lifetime = std::chrono::hours{1};  // 0: for ever

    bool operator==(const pool_settings&) const = default;
};

struct health_settings {
    milliseconds check_after = std::chrono::seconds{30};  // 0: before every use

    bool operator==(const health_settings&) const = default;
};

struct retry_settings {
    milliseconds delay{500};  // then ×2, with jitter
    milliseconds max_delay = std::chrono::seconds{2};
    unsigned attempts = 0;                                 // 0: as many as fit in wait_timeout
    milliseconds wait_timeout = std::chrono::seconds{60};  // of one client, all told
    milliseconds connect_timeout = std::chrono::seconds{15};
    milliseconds plain_delay{200};  // for an ordinary PostgreSQL that is restarting
    config::lost_transaction lost_transaction = config::lost_transaction::abort;

    bool operator==(const retry_settings&) const = default;
};

struct breaker_settings {
    unsigned failures = 5;  // 0: no breaker
    milliseconds open_for = std::chrono::seconds{10};

    bool operator==(const breaker_settings&) const = default;
};

struct database {
    std::string name;  // what clients ask for; "*" is the fallback
    dsn upstream{};
    config::neon_pooler neon_pooler = config::neon_pooler::replace;
    unsigned max_clients = 0;  // 0: no limit of its own
    pool_settings pool{};
    health_settings health{};
    retry_settings retry{};
    breaker_settings breaker{};
    config::answer_pings answer_pings = config::answer_pings::empty;  // while the compute sleeps

    bool operator==(const database&) const = default;
};

/// Who may log in. Without any, each database's upstream user and password.
struct user {
    std::string name;
    std::string password;
    std::string scram;         // "SCRAM-SHA-256$…", instead of a password
    std::string md5;           // "md5…", instead of a password: only from a userlist
    unsigned max_clients = 0;  // 0: no limit of its own

    bool operator==(const user&) const = default;
};

/// TLS towards clients, in libpq's words for it.
struct client_tls_settings {
    sslmode mode = sslmode::disable;  // never `allow`; with a certificate `prefer` if not given
    std::filesystem::path cert;       // a chain, ours first (PEM)
    std::filesystem::path key;        // empty: in `cert`
    std::filesystem::path ca;         // whose certificates clients may show

    /// In the clear nobody is let in, but over a Unix socket.
    bool required() const noexcept { return mode >= sslmode::require; }

    bool operator==(const client_tls_settings&) const = default;
};

struct limit_settings {
    unsigned clients = 10000;
    milliseconds login_timeout = std::chrono::seconds{60};
    std::size_t message_max = std::size_t{1} << 30;         // of one message, in bytes
    milliseconds drain_timeout = std::chrono::seconds{30};  // TERM: for open transactions

    bool operator==(const limit_settings&) const = default;
};

enum class io_kind { automatic, io_uring, epoll };
enum class log_level { trace, debug, info, warn, error };
enum class log_format { text, json };

struct log_settings {
    log_level level = log_level::info;
    log_format format = log_format::text;

    bool operator==(const log_settings&) const = default;
};

struct snapshot {
    std::vector<endpoint> listen{{"127.0.0.1", 6432}};
    std::optional<endpoint> admin = endpoint{"127.0.0.1", 9632};
    client_tls_settings client_tls;
    std::vector<database> databases;
    std::vector<user> users;
    limit_settings limits;
    io_kind io = io_kind::automatic;
    unsigned threads = 0;  // 0: one worker per two cores, at least one
    log_settings log;
    std::vector<std::string> notes;  // what was decided on the user's behalf, for the log

    /// The database a client asked for: its own entry, else "*" with the name put in.
    std::optional<database> find_database(const std::string& name) const;
};

}  // namespace pgballast::config
