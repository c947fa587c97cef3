// The command line and the environment.
#pragma once

#include <optional>
#include <string>
#include <variant>

namespace signup_demo {

struct options {
    std::optional<std::string> listen;
    std::string dsn;
    std::string direct_dsn;       // empty: no second column
    std::string neonsim;          // its control's URL; empty: nothing is simulated
    std::string pgballast_admin;  // URL; empty: its figures are not shown
    bool create_tables = false;
    bool exit_with_stdin = false;
};

struct exit_status {
    int value;
};

/// Prints help and errors itself. Throws `std::runtime_error` for what makes no sense.
std::variant<options, exit_status> parse_command_line(int argc, char** argv);

}  // namespace signup_demo
