#include "options.hpp"

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "http_client.hpp"

namespace signup_demo {
namespace {

constexpr int exit_usage = 64;  // sysexits.h

}  // namespace

std::variant<options, exit_status> parse_command_line(int argc, char** argv) {
    options given;
    CLI::App app{
        "signup-demo: signs users up with one naive database connection, through pgballast\n"
        "and, to compare, directly. Passwords belong into the environment, not here."};
    app.add_option("--listen", given.listen,
                   "ADDRESS:PORT of this machine; port 0 for any (default 127.0.0.1:8000)");
    app.add_option("--dsn", given.dsn, "the database, through pgballast")
        ->envname("SIGNUP_DEMO_DSN");
    app.add_option("--direct-dsn", given.direct_dsn, "the same database, directly")
        ->envname("SIGNUP_DEMO_DIRECT_DSN");
    app.add_option("--neonsim", given.neonsim, "URL of neonsim's control, for the buttons")
        ->envname("SIGNUP_DEMO_NEONSIM");
    app.add_option("--pgballast-admin", given.pgballast_admin,
                   "URL of pgballast's admin port, for its figures")
        ->envname("SIGNUP_DEMO_PGBALLAST_ADMIN");
    app.add_flag("--create-tables", given.create_tables,
                 "create the schema signup_demo and its tables where they are missing");
    app.add_flag("--exit-with-stdin", given.exit_with_stdin, "end when standard input does");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return exit_status{app.exit(error) == 0 ? 0 : exit_usage};
    }
    if (given.dsn.empty())
        throw std::runtime_error{"no database: set SIGNUP_DEMO_DSN or give --dsn"};
    for (const auto& url : {given.neonsim, given.pgballast_admin})
        if (!url.empty())
            check_url(url);
    return given;
}

}  // namespace signup_demo
