#include "options.hpp"

#include <CLI/CLI.hpp>

namespace neonsim {
namespace {

/// Adds an option whose text `parse` turns into `target`.
template <class Target, class Parse>
CLI::Option* add_parsed(CLI::App& app, const char* name, Target& target, Parse parse,
                        const char* help) {
    return app.add_option_function<std::string>(
        name,
        [&target, parse, name](const std::string& text) {
            const auto parsed = parse(text);
            if (!parsed)
                throw CLI::ValidationError{name, "cannot be " + text};
            target = *parsed;
        },
        help);
}

CLI::Option* add_ms(CLI::App& app, const char* name, std::chrono::milliseconds& target,
                    const char* help) {
    return app
        .add_option_function<std::int64_t>(
            name, [&target](std::int64_t ms) { target = std::chrono::milliseconds{ms}; }, help)
        ->check(CLI::Range(0, 3'600'000))
        ->type_name("MS");
}

void add_server_options(CLI::App& app, options& into) {
    app.add_option("--listen", into.listen, "Where PostgreSQL clients connect")
        ->capture_default_str();
    app.add_option("--http", into.http, "Where the control listens")->capture_default_str();
    app.add_option("--data", into.data, "Directory of the cluster; default: a temporary one");
    app.add_option("--template", into.template_directory,
                   "Copy this cluster instead of running initdb; made where it is missing");
    app.add_option("--endpoint", into.endpoint, "Endpoint's id")->capture_default_str();
    app.add_option("--user", into.user)->capture_default_str();
    app.add_option("--password", into.password)->capture_default_str();
    app.add_option("--database", into.database)->capture_default_str();
    app.add_option("--max-connections", into.initial.max_connections)
        ->check(CLI::Range(4, 10'000))
        ->capture_default_str();
    app.add_option("--pg-setting", into.pg_settings, "name=value for PostgreSQL; repeatable")
        ->allow_extra_args(false);
    app.add_flag("--exit-with-stdin", into.exit_with_stdin, "Exit when standard input closes");
}

void add_behaviour(CLI::App& app, options& into) {
    add_parsed(app, "--wake", into.initial.wake, parse_wake_time,
               "How long a wake takes, in ms: fixed, or drawn from min-max (default 500)");
    add_parsed(app, "--autosuspend", into.initial.autosuspend, parse_autosuspend,
               "Suspend after so many seconds without activity, or off (default)");
    add_ms(app, "--cancel-delay", into.initial.cancel_delay,
           "How late a cancel request is delivered (default 5)");
    add_ms(app, "--rtt", into.initial.rtt, "Round trip between clients and us (default 0)");
    app.add_option_function<std::string>(
           "--start", [&into](const std::string& how) { into.start_running = how == "running"; },
           "suspended (default) or running")
        ->check(CLI::IsMember({"suspended", "running"}));
}

}  // namespace

std::variant<options, ctl_options, exit_status> parse_command_line(int argc, char** argv) {
    options serve;
    ctl_options ask;
    CLI::App app{"neonsim: a PostgreSQL that suspends, wakes and fails as Neon does"};
    add_server_options(app, serve);
    add_behaviour(app, serve);

    auto* ctl = app.add_subcommand("ctl", "Control a neonsim that runs");
    ctl->add_option("--http", ask.url, "http://HOST:PORT of its control")->required();
    ctl->add_option("verb", ask.verb,
                    "suspend restart stop-silently fin rst freeze thaw fail set wake stats "
                    "stats/reset")
        ->required();
    ctl->add_option("arguments", ask.arguments, "name=value");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return exit_status{app.exit(error)};
    }
    if (ctl->parsed())
        return ask;
    return serve;
}

}  // namespace neonsim
