#include "prepared.hpp"

namespace pgballast::sim {
namespace {

std::string word(const std::string& statement, int nth) {
    std::size_t at = 0;
    for (; nth != 0; --nth)
        at = statement.find(' ', at) + 1;
    return statement.substr(at, statement.find(' ', at) - at);
}

bool makes(const std::string& verb) {
    return verb == "parse" || verb == "prepare";
}

bool uses(const std::string& verb) {
    return verb == "bind" || verb == "describe" || verb == "execute";
}

bool ends(const std::string& verb) {
    return verb == "close" || verb == "deallocate";
}

bool ends_all(const std::string& statement) {
    return statement == "deallocate all" || statement == "discard all";
}

/// "mine 7" of "parse s1 mine 7" and "prepare s1 as mine 7".
std::string text_in(const std::string& statement) {
    return statement.substr(statement.find("mine "));
}

}  // namespace

const prepared_statements::known& prepared_statements::find(const std::string& statement) const {
    static const known none;
    const auto found = names_.find(word(statement, 1));
    return found == names_.end() ? none : found->second;
}

void prepared_statements::succeeded(const std::string& statement) {
    if (ends_all(statement))
        return names_.clear();
    const auto verb = word(statement, 0);
    const auto& before = find(statement);
    if (makes(verb)) {
        // SQL's PREPARE does not see those of the protocol that another backend was not given.
        if (before.is == presence::present && verb == "parse")
            throw broken{"a client has lost a prepared statement: " + statement};
        names_[word(statement, 1)] = {presence::present, text_in(statement), verb == "prepare"};
    } else if (uses(verb) || ends(verb)) {
        if (before.is == presence::absent && verb != "close")
            throw broken{"a client has met a foreign prepared statement: " + statement};
        if (ends(verb))
            names_.erase(word(statement, 1));
    }
}

void prepared_statements::failed(const std::string& statement, bytes sqlstate) {
    const auto& before = find(statement);
    if (sqlstate == "26000") {
        // SQL's own words do not see those of the protocol that another backend was not given.
        const auto verb = word(statement, 0);
        const bool unseen = !before.by_sql && (verb == "execute" || verb == "deallocate");
        if (before.is == presence::present && !unseen)
            throw broken{"a client has lost a prepared statement: " + statement};
        if (unseen)
            return;
        names_.erase(word(statement, 1));
    } else if (sqlstate == "42P05" && before.is == presence::absent)
        throw broken{"a client has met a foreign prepared statement: " + statement};
}

void prepared_statements::returned(const std::string& statement, const std::string& value) const {
    if (!uses(word(statement, 0)))
        return;
    const auto& mine = find(statement);
    if (mine.is == presence::present && mine.text != "mine " + value)
        throw broken{"a client was answered by a foreign prepared statement: " + statement};
}

void prepared_statements::doubt(const request& lost) {
    for (const auto& statement : lost.statements) {
        if (const auto verb = word(statement, 0); makes(verb) || ends(verb))
            names_[word(statement, 1)].is = presence::unknown;
        if (ends_all(statement))
            for (auto& [name, one] : names_)
                one.is = presence::unknown;
    }
}

bytes replies_to(const std::string& statement) {
    const auto verb = word(statement, 0);
    if (verb == "parse")
        return "1";
    if (verb == "bind")
        return "2nC";
    if (verb == "describe")
        return "tn";
    return verb == "close" ? "3" : "12nC";
}

}  // namespace pgballast::sim
