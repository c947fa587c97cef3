#include "child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace neonsim {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

bool take_identity(const account& who) {
    return ::setgroups(1, &who.gid) == 0 && ::setgid(who.gid) == 0 && ::setuid(who.uid) == 0;
}

/// The child between fork and exec: only calls that are safe after fork.
[[noreturn]] void become(char* const* argv, int input, int output, const account* who,
                         int death_signal, pid_t parent) {
    ::setsid();
    if (who && !take_identity(*who))
        ::_exit(126);
    // After setuid, which would clear it. A parent that is gone already sends no signal.
    if (death_signal != 0 &&
        (::prctl(PR_SET_PDEATHSIG, death_signal) != 0 || ::getppid() != parent))
        ::_exit(126);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    // A socket of a client left open here would keep its connection open for ever.
    ::close_range(3, ~0U, 0);
    if (::chdir("/") == 0)  // ours may be closed to that account
        ::execv(argv[0], argv);
    ::_exit(127);
}

class descriptor {
 public:
    descriptor(const char* path, int flags) : fd_{::open(path, flags | O_CLOEXEC, 0600)} {
        if (fd_ < 0)
            throw_errno(path);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { ::close(fd_); }
    int get() const noexcept { return fd_; }

 private:
    int fd_;
};

}  // namespace

std::optional<account> postgres_account() {
    if (::geteuid() != 0)
        return std::nullopt;
    const auto* entry = ::getpwnam("postgres");
    if (!entry)
        throw std::runtime_error{"PostgreSQL does not run as root, and there is no user postgres"};
    return account{entry->pw_uid, entry->pw_gid};
}

pid_t spawn(const command& what) {
    std::vector<char*> argv;
    for (const auto& argument : what.arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);

    const auto who = what.as_postgres ? postgres_account() : std::nullopt;
    const descriptor input{"/dev/null", O_RDONLY};
    const descriptor output{what.log.c_str(), O_WRONLY | O_CREAT | O_APPEND};
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw_errno("fork");
    if (pid == 0)
        become(argv.data(), input.get(), output.get(), who ? &*who : nullptr, what.death_signal,
               parent);
    return pid;
}

std::string last_lines(const std::filesystem::path& log) {
    constexpr std::streamoff size_max = 2000;
    std::ifstream file{log, std::ios::ate};
    const auto size = static_cast<std::streamoff>(file.tellg());
    file.seekg(std::max<std::streamoff>(0, size - size_max));
    return {std::istreambuf_iterator<char>{file}, {}};
}

void run(const command& what) {
    const pid_t pid = spawn(what);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            throw_errno("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error{what.arguments.front() + " failed:\n" + last_lines(what.log)};
}

}  // namespace neonsim
