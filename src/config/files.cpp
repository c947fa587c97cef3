#include "files.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace pgballast::config::detail {
namespace {

parse_error cannot_read(const std::filesystem::path& path) {
    const auto why = std::generic_category().message(errno ? errno : EIO);
    return {"cannot read " + quote(path.string()) + ": " + why};
}

}  // namespace

boost::system::result<std::string, parse_error> read_file(const std::filesystem::path& path,
                                                          std::size_t size_max) {
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    if (!in)
        return cannot_read(path);
    std::string content(size_max + 1, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (in.bad())
        return cannot_read(path);

    content.resize(static_cast<std::size_t>(in.gcount()));
    if (content.size() > size_max)
        return parse_error{quote(path.string()) + " is larger than " + std::to_string(size_max) +
                           " bytes"};
    return {boost::system::in_place_value, std::move(content)};
}

std::filesystem::path secret_path(const std::string& name, const std::filesystem::path& file,
                                  const environment& env) {
    const auto credentials = env("CREDENTIALS_DIRECTORY");
    const auto directory = credentials ? std::filesystem::path{*credentials} : file.parent_path();
    return directory / name;  // an absolute name stays itself
}

boost::system::result<std::string, parse_error> read_secret(const std::filesystem::path& path) {
    constexpr std::size_t secret_size_max = std::size_t{16} << 10;
    auto secret = read_file(path, secret_size_max);
    if (!secret)
        return secret;
    for (const char newline : {'\n', '\r'})
        if (secret->ends_with(newline))
            secret->pop_back();
    if (secret->empty() || secret->find_first_of(std::string_view{"\0\n", 2}) != secret->npos)
        return parse_error{quote(path.string()) + " does not hold one line of text"};
    return secret;
}

}  // namespace pgballast::config::detail
