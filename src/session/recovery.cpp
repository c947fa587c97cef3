#include "pgballast/session/recovery.hpp"

#include "pgballast/sql/read_only.hpp"
#include "pgballast/sql/rule_u.hpp"
#include "pgballast/wire/prepared.hpp"

namespace pgballast::session {

std::string all_of(const std::vector<request>& requests) {
    std::string all;
    for (const auto& one : requests)
        all.append(one.all);
    return all;
}

recourse recourse_for(const std::vector<request>& lost, const evidence& of) {
    if (of.nothing_written)
        return recourse::run_again;
    const auto& first = lost.front();
    const bool alone = lost.size() == 1 || of.by_administrator;
    if (alone && first.readable && (first.runs.empty() || only_begins(first)))
        return recourse::run_again;
    if (!alone || !first.readable || first.runs.size() != 1 || of.so_far.parameters)
        return recourse::unknown;
    const auto text = wire::query_text(first.runs.front());
    const bool ruled = of.by_administrator && !of.so_far.completed && sql::rule_u_allows(text);
    if (ruled && !of.so_far.rows)
        return recourse::if_rolled_back;
    if (sql::mentions_of_select(text))
        return recourse::if_read_only;
    return ruled ? recourse::tell_if_rolled_back : recourse::unknown;
}

}  // namespace pgballast::session
