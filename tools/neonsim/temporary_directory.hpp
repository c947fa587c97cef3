// A directory that is gone, with all in it, when we are.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace neonsim {

class temporary_directory {
 public:
    /// Makes none unless `wanted`. Throws `std::system_error`.
    explicit temporary_directory(bool wanted) {
        if (!wanted)
            return;
        auto pattern = (std::filesystem::temp_directory_path() / "neonsim-XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::system_error{errno, std::generic_category(), pattern};
        path_ = pattern;
        // Others may pass through: PostgreSQL's account, readers of the root certificate.
        std::filesystem::permissions(path_, std::filesystem::perms{0755});
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        if (!path_.empty())
            std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const noexcept { return path_; }

 private:
    std::filesystem::path path_;
};

}  // namespace neonsim
