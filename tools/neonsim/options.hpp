// The command line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ctl.hpp"
#include "settings.hpp"

namespace neonsim {

struct options {
    std::string listen = "127.0.0.1:0";
    std::string http = "127.0.0.1:0";
    std::optional<std::filesystem::path> data;  // none: temporary
    std::optional<std::filesystem::path> template_directory;
    std::string endpoint = "ep-demo-123456";
    std::string user = "neondb_owner";
    std::string password = "npg_demo";
    std::string database = "neondb";
    settings initial;
    bool start_running = false;
    bool exit_with_stdin = false;
    std::vector<std::string> pg_settings;
};

/// Nothing to do (help was printed) or a wrong command line (why was printed).
struct exit_status {
    int value;
};

std::variant<options, ctl_options, exit_status> parse_command_line(int argc, char** argv);

}  // namespace neonsim
