#include "pgballast/config/settings.hpp"

#include <algorithm>

namespace pgballast::config {

std::optional<database> snapshot::find_database(const std::string& name) const {
    const auto own = std::ranges::find(databases, name, &database::name);
    if (own != databases.end() && name != "*")
        return *own;

    const auto fallback = std::ranges::find(databases, "*", &database::name);
    if (fallback == databases.end())
        return {};
    database out = *fallback;
    out.name = name;
    out.upstream.dbname = name;
    return out;
}

}  // namespace pgballast::config
