// PgBouncer's file of users.
#include <algorithm>

#include "fuzz.hpp"
#include "pgballast/config/userlist.hpp"

using namespace pgballast;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);
    const auto users = config::parse_userlist(text);
    if (!users) {
        require(!users.error().message.empty());
        return 0;
    }
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    require(users->size() <= lines);
    for (const auto& one : *users)
        require(std::ranges::count(*users, one.name, &config::user::name) == 1);

    // What is read twice is read alike: the later line of a name counts.
    const auto twice = config::parse_userlist(std::string{text} + '\n' + std::string{text});
    require(twice && twice->size() == users->size());
    return 0;
}
