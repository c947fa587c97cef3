#include "database_rules.hpp"

#include "pgballast/config/neon.hpp"

namespace pgballast::config::detail {

std::optional<config_error> complete(database& db, std::vector<std::string>& notes) {
    auto& upstream = db.upstream;
    if (upstream.user.empty())
        return config_error{{}, 0, "upstream", "names no user (postgresql://USER:password@…)"};
    if (upstream.dbname.empty())
        upstream.dbname = db.name;
    if (!upstream.target_session_attrs.empty() && upstream.target_session_attrs != "any")
        notes.push_back("database " + db.name +
                        ": target_session_attrs=" + upstream.target_session_attrs +
                        " is not checked, hosts are tried in order");
    return apply_neon_rules(db, notes);
}

}  // namespace pgballast::config::detail
