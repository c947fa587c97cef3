// Programs neonsim runs, as the account PostgreSQL agrees to run under.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace neonsim {

struct account {
    uid_t uid;
    gid_t gid;
};

/// Whose PostgreSQL's files and processes are: nobody but ourselves, unless we are
/// root, which PostgreSQL refuses to run as; then `postgres`.
///
/// Throws when we are root and there is no such account.
std::optional<account> postgres_account();

struct command {
    std::vector<std::string> arguments;  // the first is the program's path
    std::filesystem::path log;           // standard output and error are appended here
    bool as_postgres = true;
    int death_signal = 0;  // sent to the child when the calling thread ends, however it ends
};

/// Starts a program with no open file but its log, in a session of its own (a
/// terminal's Ctrl-C is ours to handle). The caller reaps it. Throws `std::system_error`.
pid_t spawn(const command& what);

/// The end of a log, for people.
std::string last_lines(const std::filesystem::path& log);

/// Runs a program to its end. Throws, with the end of its log, when it fails.
void run(const command& what);

}  // namespace neonsim
