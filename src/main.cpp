// The supervisor: command line, signals, start and end.
#include <sys/resource.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include "pgballast/admin/admin_port.hpp"
#include "pgballast/admin/loopback.hpp"
#include "pgballast/cli/check.hpp"
#include "pgballast/cli/hash_password.hpp"
#include "pgballast/cli/status.hpp"
#include "pgballast/config/load.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/proxy/proxy.hpp"

namespace pgballast {
namespace {

/// Raises the limit on descriptors as far as it goes, and says when that is not
/// enough: each client takes one, and so does each backend.
void raise_descriptor_limit(const config::snapshot& settings) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t wanted = settings.limits.clients + 100;
    for (const auto& database : settings.databases)
        wanted += database.pool.max;
    if (limit.rlim_max < wanted)
        log::warn("too few file descriptors for limits.clients",
                  {{"limit", limit.rlim_max},
                   {"wanted", wanted},
                   {"do", "raise LimitNOFILE or lower limits.clients"}});
}

/// TERM lets transactions finish up to a limit, INT for a tenth of that; the second
/// signal ends at once.
class shutdown_on_signal {
 public:
    explicit shutdown_on_signal(proxy::proxy& served)
        : served_{served}, signals_{served.context(), SIGTERM, SIGINT}, limit_{served.context()} {
        wait();
    }

 private:
    void wait() {
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error)
                on_signal(signal);
        });
    }

    void on_signal(int signal) {
        log::info("shutting down",
                  {{"signal", signal == SIGTERM ? "TERM" : "INT"}, {"clients", served_.clients()}});
        if (signals_seen_++ != 0)
            return served_.context().stop();
        sd_notify(0, "STOPPING=1");
        const auto patience = served_.settings().limits.drain_timeout;
        limit_.expires_after(signal == SIGTERM ? patience : patience / 10);
        limit_.async_wait([this](boost::system::error_code error) {
            if (error)
                return;
            log::warn("closing clients that are still busy", {{"clients", served_.clients()}});
            served_.context().stop();
        });
        served_.drain(false, [this] { served_.context().stop(); });
        wait();
    }

    proxy::proxy& served_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer limit_;
    int signals_seen_ = 0;
};

/// HUP reads certificates anew; a closed terminal is no reason to drop clients.
class reload_on_signal {
 public:
    explicit reload_on_signal(proxy::proxy& served)
        : served_{served}, signals_{served.context(), SIGHUP} {
        wait();
    }

 private:
    void wait() {
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (error)
                return;
            served_.reread_certificates();
            wait();
        });
    }

    proxy::proxy& served_;
    boost::asio::signal_set signals_;
};

/// TERM and INT reach the main thread only, and only while somebody there handles them:
/// one that comes while we end must not end us harder.
void block_ending_signals(bool block) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGHUP);
    pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &ending, nullptr);
}

int serve(const config::snapshot& settings) {
    std::signal(SIGPIPE, SIG_IGN);
    block_ending_signals(true);  // threads made from here on inherit that
    log::start(settings.log);
    log::info("pgballast", {{"version", PGBALLAST_VERSION}});
    int result = 0;
    try {
        raise_descriptor_limit(settings);
        proxy::proxy served{settings};
        served.start();
        if (settings.admin)
            admin::serve(served, PGBALLAST_VERSION);
        const shutdown_on_signal supervisor{served};
        const reload_on_signal reloader{served};
        block_ending_signals(false);
        sd_notify(0, "READY=1");
        served.context().run();
        block_ending_signals(true);
        served.stop();
        log::info("stopped");
    } catch (const std::exception& error) {
        log::error("cannot serve", {{"cause", error.what()}});
        result = EX_SOFTWARE;
    }
    log::stop();
    return result;
}

/// Nothing returned: why it is no configuration has been said.
std::optional<config::snapshot> load(const std::optional<std::string>& file,
                                     const config::overrides& overrides) {
    std::optional<std::filesystem::path> path;
    if (file)
        path = *file;
    auto settings = config::load(path, overrides, config::process_environment());
    if (settings)
        return std::move(*settings);
    for (const auto& error : settings.error())
        std::fprintf(stderr, "pgballast: %s\n", config::to_string(error).c_str());
    return std::nullopt;
}

int run(int argc, char** argv) {
    CLI::App app{
        "pgballast: a PostgreSQL proxy that keeps clients connected while the\n"
        "database behind it suspends, restarts or drops connections."};
    std::optional<std::string> file;
    config::overrides overrides;
    app.add_option("-c,--config", file, "configuration file (YAML)");
    app.add_option("--upstream", overrides.upstream, "PostgreSQL URL to serve");
    app.add_option("--listen", overrides.listen, "address for clients, ADDR:PORT");
    app.add_option("--admin", overrides.admin, "address of the admin port, or off");
    app.add_option("--log-level", overrides.log_level, "trace, debug, info, warn or error");
    app.set_version_flag("--version", "pgballast " PGBALLAST_VERSION);
    app.add_subcommand("run", "serve (default)")->fallthrough();
    const auto* check =
        app.add_subcommand("check", "validate the configuration, walk the way to each upstream")
            ->fallthrough();
    const auto* status =
        app.add_subcommand("status", "one screen from the admin port")->fallthrough();
    const auto* hash =
        app.add_subcommand("hash-password", "a SCRAM-SHA-256 verifier from a password on stdin");
    app.require_subcommand(0, 1);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : EX_USAGE;
    }
    if (hash->parsed())
        return cli::hash_password(std::cin, std::cout, std::cerr);
    overrides.needs_database = !status->parsed();
    const auto settings = load(file, overrides);
    if (!settings)
        return EX_CONFIG;
    if (status->parsed())
        return cli::status(*settings, std::cout, std::cerr);
    if (settings->admin) {
        if (const auto where = admin::loopback_endpoint(*settings->admin); !where) {
            std::fprintf(stderr, "pgballast: %s\n", config::to_string(where.error()).c_str());
            return EX_CONFIG;
        }
    }
    return check->parsed() ? cli::check(*settings, std::cout) : serve(*settings);
}

}  // namespace
}  // namespace pgballast

int main(int argc, char** argv) {
    return pgballast::run(argc, argv);
}
