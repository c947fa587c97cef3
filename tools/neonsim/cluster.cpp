#include "cluster.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>
#include <system_error>

#include "child_process.hpp"

namespace neonsim {
namespace {

namespace fs = std::filesystem;

int version_of(const fs::path& directory) {
    const auto name = directory.filename().string();
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    return version;
}

/// Debian keeps PostgreSQL's programs out of the PATH, a directory per version.
fs::path find_debian_binaries() {
    std::error_code none;
    fs::path newest;
    for (const auto& entry : fs::directory_iterator{"/usr/lib/postgresql", none})
        if (fs::exists(entry.path() / "bin/initdb") && version_of(entry) > version_of(newest))
            newest = entry.path();
    return newest.empty() ? newest : newest / "bin";
}

fs::path find_binaries() {
    if (auto debian = find_debian_binaries(); !debian.empty())
        return debian;

    std::string answer;
    if (auto* pipe = ::popen("pg_config --bindir", "re")) {
        char line[4096];
        while (const auto size = std::fread(line, 1, sizeof line, pipe))
            answer.append(line, size);
        ::pclose(pipe);
    }
    const fs::path directory = answer.substr(0, answer.find('\n'));
    if (directory.empty() || !fs::exists(directory / "initdb"))
        throw std::runtime_error{"found no PostgreSQL server (initdb) on this machine"};
    return directory;
}

void make_directory_of_postgres(const fs::path& path) {
    fs::create_directories(path);
    fs::permissions(path, fs::perms::owner_all);
    const auto who = postgres_account();
    if (who && ::chown(path.c_str(), who->uid, who->gid) != 0)
        throw std::system_error{errno, std::generic_category(), path};
}

void initdb(const cluster& where, const fs::path& pgdata) {
    make_directory_of_postgres(pgdata);
    run({.arguments = {where.binaries / "initdb", "-D", pgdata, "-U", superuser, "--auth=trust",
                       "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
                       "--wal-segsize=1"},
         .log = where.log});
}

class file_lock {
 public:
    explicit file_lock(const fs::path& path)
        : fd_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
        if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0)
            throw std::system_error{errno, std::generic_category(), path};
    }
    file_lock(const file_lock&) = delete;
    file_lock& operator=(const file_lock&) = delete;
    ~file_lock() { ::close(fd_); }

 private:
    int fd_;
};

void make_template(const cluster& where, const fs::path& template_directory) {
    fs::create_directories(template_directory.parent_path());
    const file_lock only_one{template_directory.string() + ".lock"};
    if (fs::exists(template_directory))
        return;
    const fs::path unfinished = template_directory.string() + ".unfinished";
    fs::remove_all(unfinished);  // of a neonsim that was killed
    initdb(where, unfinished);
    fs::rename(unfinished, template_directory);
}

void copy(const cluster& where, const fs::path& from, const fs::path& to) {
    make_directory_of_postgres(to);
    run({.arguments = {"/bin/cp", "-a", "--reflink=auto", from / ".", to},
         .log = where.log,
         .as_postgres = false});
}

}  // namespace

std::filesystem::path cluster::socket() const {
    return socket_directory / (".s.PGSQL." + std::to_string(socket_port));
}

cluster prepare_cluster(const fs::path& directory,
                        const std::optional<fs::path>& template_directory) {
    const auto root = fs::absolute(directory);
    fs::create_directories(root);
    cluster made{root, root / "pgdata", root / "socket", root / "postgres.log", find_binaries()};
    if (made.socket().string().size() >= sizeof(sockaddr_un::sun_path))
        throw std::runtime_error{"too long for a Unix socket: " + made.socket().string()};

    make_directory_of_postgres(made.socket_directory);
    if (fs::exists(made.pgdata / "PG_VERSION"))
        return made;
    if (template_directory) {
        const auto source = fs::absolute(*template_directory);
        make_template(made, source);
        copy(made, source, made.pgdata);
    } else {
        initdb(made, made.pgdata);
    }
    return made;
}

}  // namespace neonsim
