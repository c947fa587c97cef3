// The directory neonsim keeps its PostgreSQL in.
#pragma once

#include <filesystem>
#include <optional>

namespace neonsim {

/// The superuser, named as Neon names its own; it has no password and is not
/// served to clients.
inline constexpr const char* superuser = "cloud_admin";

inline constexpr int socket_port = 5432;  // of the Unix socket's name

struct cluster {
    std::filesystem::path directory;  // given by the user, or temporary
    std::filesystem::path pgdata;
    std::filesystem::path socket_directory;
    std::filesystem::path log;
    std::filesystem::path binaries;

    /// PostgreSQL's own socket.
    std::filesystem::path socket() const;
};

/// Makes what is missing in `directory`: with initdb, or as a copy of
/// `template_directory`, which is made first where it does not exist. Several
/// neonsims may share a template, also while it is being made.
///
/// Throws when a program or the file system fails.
cluster prepare_cluster(const std::filesystem::path& directory,
                        const std::optional<std::filesystem::path>& template_directory);

}  // namespace neonsim
