#include "database.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <system_error>

namespace signup_demo {
namespace {

namespace asio = boost::asio;

struct clear {
    void operator()(PGresult* result) const { PQclear(result); }
};
using result_ptr = std::unique_ptr<PGresult, clear>;

std::string trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.remove_suffix(1);
    return std::string{text};
}

rows rows_of(const PGresult* result) {
    rows all(static_cast<std::size_t>(PQntuples(result)));
    for (int row = 0; row < PQntuples(result); ++row)
        for (int column = 0; column < PQnfields(result); ++column)
            all[static_cast<std::size_t>(row)].push_back(
                PQgetisnull(result, row, column)
                    ? std::nullopt
                    : std::optional<std::string>{PQgetvalue(result, row, column)});
    return all;
}

database_error error_of(const PGresult* result) {
    const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return {trimmed(PQresultErrorMessage(result)), sqlstate == nullptr ? "" : sqlstate};
}

/// Empty where the string has none.
std::string name_in(const std::string& dsn) {
    char* wrong = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options{
        PQconninfoParse(dsn.c_str(), &wrong), PQconninfoFree};
    const std::unique_ptr<char, void (*)(void*)> words{wrong, PQfreemem};
    if (!options)
        throw std::runtime_error{words ? trimmed(words.get()) : "out of memory"};
    for (const auto* each = options.get(); each->keyword != nullptr; ++each)
        if (std::string_view{each->keyword} == "dbname" && each->val != nullptr)
            return each->val;
    return {};
}

}  // namespace

const char* to_string(handle_state state) {
    constexpr const char* names[] = {"none", "connecting", "idle", "busy", "lost", "closed"};
    return names[static_cast<int>(state)];
}

database::database(std::string dsn)
    : dsn_{std::move(dsn)}, name_{name_in(dsn_)}, stop_event_{eventfd(0, EFD_CLOEXEC)} {
    if (stop_event_ < 0)
        throw std::system_error{errno, std::generic_category(), "eventfd"};
    asio::co_spawn(thread_, watch(), asio::detached);
}

database::~database() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_event_, &one, sizeof one);
    thread_.stop();
    thread_.join();
    ::close(stop_event_);
}

asio::awaitable<query_result> database::run(query what) {
    return queue(std::move(what), false);
}

asio::awaitable<query_result> database::restart() {
    return queue({"SELECT 1"}, true);
}

std::optional<database_error> database::last_error() const {
    const std::lock_guard lock{mutex_};
    return last_error_;
}

std::string database::notice() const {
    const std::lock_guard lock{mutex_};
    return notice_;
}

asio::awaitable<query_result> database::queue(query what, bool anew) {
    if (queued_ >= queue_max)
        co_return database_error{"too many requests are waiting for the one connection", {}};
    ++queued_;
    auto work = run_here(std::move(what), anew);
    const auto executor = thread_.get_executor();
    auto result = co_await asio::co_spawn(executor, std::move(work), asio::use_awaitable);
    --queued_;
    co_return result;
}

/// On our thread, which it may block.
asio::awaitable<query_result> database::run_here(query what, bool anew) {
    if (anew) {
        connection_.reset();
        state_ = handle_state::none;
    }
    auto result = answer(what);
    if (connection_)
        state_ = PQstatus(connection_.get()) == CONNECTION_OK ? handle_state::idle
                                                              : handle_state::closed;
    else
        state_ = handle_state::none;

    const std::lock_guard lock{mutex_};
    notice_.clear();
    last_error_.reset();
    if (const auto* error = std::get_if<database_error>(&result))
        last_error_ = *error;
    co_return result;
}

query_result database::answer(const query& what) {
    if (!connection_) {
        state_ = handle_state::connecting;
        if (auto error = connect()) {
            connection_.reset();
            return std::move(*error);
        }
    }
    // What drivers say of a connection they know to be dead; psycopg2, for one.
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        return database_error{"connection already closed", {}};
    state_ = handle_state::busy;
    return exchange(what);
}

std::optional<database_error> database::connect() {
    connection_.reset(PQconnectStart(dsn_.c_str()));
    if (!connection_)
        throw std::bad_alloc{};
    PQsetNoticeProcessor(
        connection_.get(),
        [](void* self, const char* text) { static_cast<database*>(self)->on_notice(text); }, this);
    // The first wait is for writing: libpq's documentation of PQconnectPoll.
    auto next = PQstatus(connection_.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED
                                                              : PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED)
            return driver_error();
        if (!await_socket(next == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return database_error{"the application ends", {}};
        next = PQconnectPoll(connection_.get());
    }
    return std::nullopt;
}

query_result database::exchange(const query& what) {
    std::vector<const char*> values;
    for (const auto& each : what.parameters)
        values.push_back(each.c_str());
    if (PQsendQueryParams(connection_.get(), what.text, static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, 0) == 0)
        return driver_error();

    result_ptr last;
    for (;;) {
        while (PQisBusy(connection_.get()) != 0) {
            if (!await_socket(POLLIN))
                return database_error{"the application ends", {}};
            // The server's last words, if it had any, and then libpq's, as PQexec has them.
            if (PQconsumeInput(connection_.get()) == 0)
                return database_error{driver_error().message,
                                      last ? error_of(last.get()).sqlstate : std::string{}};
        }
        result_ptr next{PQgetResult(connection_.get())};
        if (!next)
            break;
        last = std::move(next);
    }
    if (!last)
        return driver_error();
    const auto status = PQresultStatus(last.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return rows_of(last.get());
    return error_of(last.get());
}

/// Blocks until the socket is ready; false when the program ends first.
bool database::await_socket(short events) {
    pollfd watched[] = {{PQsocket(connection_.get()), events, 0}, {stop_event_, POLLIN, 0}};
    while (::poll(watched, std::size(watched), -1) < 0)
        assert(errno == EINTR);
    return watched[1].revents == 0;
}

database_error database::driver_error() const {
    return {trimmed(PQerrorMessage(connection_.get())), {}};
}

/// Between two queries: has the peer gone? The application is not told: a naive one would
/// not look.
asio::awaitable<void> database::watch() {
    constexpr auto interval = std::chrono::milliseconds{100};
    asio::steady_timer timer{thread_.get_executor()};
    for (;;) {
        timer.expires_after(interval);
        co_await timer.async_wait(asio::use_awaitable);
        if (state_ != handle_state::idle)
            continue;
        pollfd peer{PQsocket(connection_.get()), POLLRDHUP, 0};
        if (::poll(&peer, 1, 0) > 0)
            state_ = handle_state::lost;
    }
}

void database::on_notice(std::string_view text) {
    const std::lock_guard lock{mutex_};
    notice_ = trimmed(text);
}

}  // namespace signup_demo
