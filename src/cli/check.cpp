#include "pgballast/cli/check.hpp"

#include <sysexits.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iomanip>
#include <optional>
#include <ostream>
#include <sstream>

#include "pgballast/net/tls_context.hpp"
#include "pgballast/net/tls_server.hpp"
#include "pgballast/proxy/login/connect_backend.hpp"

namespace pgballast::cli {
namespace {

namespace asio = boost::asio;
using std::chrono::microseconds;

constexpr const char* step_names[] = {"DNS", "TCP", "TLS", "login"};

std::string in_milliseconds(microseconds span) {
    std::ostringstream out;
    out << std::fixed << std::setprecision(1) << static_cast<double>(span.count()) / 1000 << " ms";
    return out.str();
}

void write_step(std::ostream& out, const std::string& name, const std::string& took,
                const std::string& what) {
    out << "  " << std::left << std::setw(8) << name << std::right << std::setw(11) << took << "  "
        << what << '\n';
}

void write_failure(std::ostream& out, const pool::failure& why) {
    write_step(out, "FAILED", "", why.message + " (SQLSTATE " + why.sqlstate + ")");
    if (!why.detail.empty())
        write_step(out, "", "", why.detail);
    if (!why.hint.empty())
        write_step(out, "", "", why.hint);
}

std::string hosts_in_words(const config::dsn& upstream) {
    std::string out;
    for (const auto& one : upstream.hosts)
        out += (out.empty() ? "" : ", ") + one.host + ":" + std::to_string(one.port);
    return out;
}

proxy::connect_result connect(const config::database& to, const net::tls_context& tls,
                              const proxy::connect_observer& observe) {
    asio::io_context context;
    std::optional<proxy::connect_result> result;
    std::exception_ptr thrown;
    const auto timeout = std::max(to.retry.wait_timeout, to.retry.connect_timeout);
    asio::co_spawn(context,
                   proxy::connect_backend(to.upstream, tls, proxy::speaks_as_neon(to.upstream),
                                          timeout, observe),
                   [&](std::exception_ptr error, proxy::connect_result got) {
                       thrown = error;
                       result = std::move(got);
                   });
    context.run();
    if (thrown)
        std::rethrow_exception(thrown);
    return std::move(*result);
}

std::string server_version(const proxy::logged_in& session) {
    for (const auto& [name, value] : session.parameters)
        if (name == "server_version")
            return "PostgreSQL " + value;
    return "of no version that it would tell";
}

/// A second login finds a compute that is awake: what the first took longer is its wake.
void write_wake(std::ostream& out, microseconds first, microseconds second) {
    constexpr auto noticeable = std::chrono::milliseconds{100};
    write_step(out, "again", in_milliseconds(second), "a login while it is awake");
    if (first > second + noticeable)
        write_step(out, "wake", in_milliseconds(first - second),
                   "what the first login waited for the compute");
}

bool walk(const config::database& to, std::ostream& out) {
    out << "\ndatabase " << to.name << ": " << to.upstream.dbname << " of " << to.upstream.user
        << " at " << hosts_in_words(to.upstream) << '\n';
    const net::tls_context tls{to.upstream};
    const auto first = connect(to, tls, [&](const proxy::connect_step& step) {
        write_step(out, step_names[static_cast<int>(step.which)], in_milliseconds(step.took),
                   step.what);
    });
    if (const auto* why = std::get_if<pool::failure>(&first)) {
        write_failure(out, *why);
        return false;
    }
    const auto& session = std::get<proxy::logged_in>(first);
    write_step(out, "server", "", server_version(session));
    const auto second = connect(to, tls, {});
    if (const auto* again = std::get_if<proxy::logged_in>(&second))
        write_wake(out, session.times.login, again->times.login);
    return true;
}

/// "*" mostly leads to the server of another entry.
bool leads_elsewhere(const config::snapshot& settings, const config::database& one) {
    return std::ranges::none_of(settings.databases, [&](const config::database& other) {
        return &other != &one && other.name != "*" && other.upstream.hosts == one.upstream.hosts &&
               other.upstream.user == one.upstream.user;
    });
}

}  // namespace

int check(const config::snapshot& settings, std::ostream& out) {
    out << "the configuration is valid\n";
    for (const auto& note : settings.notes)
        out << "  note: " << note << '\n';
    bool reached = true;
    try {
        if (settings.client_tls.mode != config::sslmode::disable)
            net::tls_server{settings.client_tls};
        for (const auto& one : settings.databases)
            if (one.name != "*" || leads_elsewhere(settings, one))
                reached &= walk(one, out);
    } catch (const std::exception& error) {
        out << "  FAILED  " << error.what() << '\n';
        return EX_CONFIG;
    }
    return reached ? 0 : EX_UNAVAILABLE;
}

}  // namespace pgballast::cli
