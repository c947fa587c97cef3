// A deliberately naive database handle: one connection, made once, and no retry of any
// kind. What such an application sees of a database that suspends is what the demo shows.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace signup_demo {

struct query {
    const char* text;
    std::vector<std::string> parameters{};  // bound as $1, $2 …
};

using rows = std::vector<std::vector<std::optional<std::string>>>;

/// The driver's own words, without its closing newline.
struct database_error {
    std::string message;
    std::string sqlstate;  // empty where it is the driver that speaks
};

using query_result = std::variant<rows, database_error>;

enum class handle_state {
    none,        // never connected, or told to connect anew
    connecting,  // a query waits for that
    idle,
    busy,
    lost,    // the peer has gone, and the application does not know yet
    closed,  // and now it does: nothing works any more
};

const char* to_string(handle_state state);

class database {
 public:
    /// Connects with the first query. Throws `std::runtime_error` for what is no connection
    /// string. Looks at the idle connection now and then, without
    /// a word to the server, for `state()`.
    explicit database(std::string dsn);
    ~database();

    /// Runs one query after those that were asked for before. After a lost connection
    /// every query fails with "connection already closed", until `restart()`.
    /// Completes on the caller's executor; at most `queue_max` may be under way.
    boost::asio::awaitable<query_result> run(query what);

    /// What restarting the application does: the connection is dropped, and made anew.
    boost::asio::awaitable<query_result> restart();

    handle_state state() const { return state_; }

    /// The database's name, as the connection string has it.
    const std::string& name() const { return name_; }
    std::optional<database_error> last_error() const;

    /// What the server says while it makes somebody wait; empty when nobody waits.
    std::string notice() const;

 private:
    static constexpr int queue_max = 100;

    struct finish {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };

    boost::asio::awaitable<query_result> queue(query what, bool anew);
    boost::asio::awaitable<query_result> run_here(query what, bool anew);
    query_result answer(const query& what);
    std::optional<database_error> connect();
    query_result exchange(const query& what);
    bool await_socket(short events);
    database_error driver_error() const;
    boost::asio::awaitable<void> watch();
    void on_notice(std::string_view text);

    const std::string dsn_;
    const std::string name_;
    const int stop_event_;  // readable once we end: no wait on a socket outlasts us
    std::unique_ptr<PGconn, finish> connection_;  // used on the one thread of `thread_` only
    std::atomic<handle_state> state_ = handle_state::none;
    std::atomic<int> queued_ = 0;
    mutable std::mutex mutex_;  // guards the two below
    std::optional<database_error> last_error_;
    std::string notice_;
    boost::asio::thread_pool thread_{1};
};

}  // namespace signup_demo
