// A directory that is gone with its test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

class temporary_directory {
 public:
    temporary_directory() {
        auto name = (std::filesystem::temp_directory_path() / "pgballast-XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error{"mkdtemp"};
        path_ = name;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

    void write(const std::string& name, const std::string& content) const {
        std::ofstream{path_ / name, std::ios::binary} << content;
    }

 private:
    std::filesystem::path path_;
};
