#include "pgballast/session/aborted_block.hpp"

#include <utility>

#include "pgballast/sql/grammar.hpp"
#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/sqlstate.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::session {
namespace {

/// The zero-terminated string at the front, which is cut off.
bytes take_string(bytes& body) noexcept {
    const auto end = body.find('\0');
    const auto found = body.substr(0, end);
    body.remove_prefix(end == bytes::npos ? body.size() : end + 1);
    return found;
}

aborted_block::answer reply(char type, bytes body = {}) {
    aborted_block::answer one;
    wire::message{one.reply, type}.view(body);
    return one;
}

constexpr bytes no_parameters{"\0\0", 2};

}  // namespace

aborted_block::answer aborted_block::take(const message_stream::piece& message,
                                          const text_finder& find_text) {
    if (message.type == 'S')
        return sync();
    if (skipping_ || bytes{"Hdcf"}.find(message.type) != bytes::npos)
        return {};  // data of a COPY that was lost as well
    if (!message.whole() || message.type == 'F') {
        auto one = failed();
        if (message.type == 'Q' || message.type == 'F')
            one.reply += sync().reply;
        return one;
    }
    switch (message.type) {
        case 'Q':
            return query(message.body().substr(0, message.body().find('\0')));
        case 'P':
            return parse(message.body(), find_text);
        case 'B':
            return bind(message.body(), find_text);
        case 'D':
            return describe(message.body(), find_text);
        case 'E':
            return execute(message.body());
        case 'C':
            return close(message.body());
        default:
            return {};
    }
}

aborted_block::judged aborted_block::judge(bytes text) const {
    const auto statements = sql::parse(text);
    judged is;
    if (!statements)
        return is;
    is.empty = statements->empty();
    if (is.empty)
        return is;
    const auto& first = statements->front();
    if (first.what == sql::command::commit)
        is.how = ends::by_commit;
    if (first.what == sql::command::rollback)
        is.how = ends::by_rollback;
    is.chains = first.chain;
    if (statements->size() > 1)
        is.rest = (*statements)[1].begin;
    return is;
}

aborted_block::answer aborted_block::query(bytes text) {
    const auto is = judge(text);
    answer one = is.empty ? reply('I') : ended(is);
    if (one.what == then::over_skipped)
        one.what = then::over;  // an error is the end of a simple query
    else if (is.rest != 0 && one.what != then::stays) {
        one.left = text.substr(is.rest);
        return one;
    }
    skipping_ = false;
    wire::append_ready_for_query(one.reply, one.what == then::stays   ? wire::txn::failed
                                            : one.what == then::again ? wire::txn::open
                                                                      : wire::txn::idle);
    return one;
}

aborted_block::answer aborted_block::parse(bytes body, const text_finder& find_text) {
    const std::string name{take_string(body)};
    const auto is = judge(take_string(body));
    if (!is.empty && (is.how == ends::no || is.rest != 0))
        return failed();
    if (!name.empty() && statement(name, find_text))
        return failed_by(wire::sqlstate::duplicate_prepared_statement,
                         "prepared statement \"" + name + "\" already exists");
    statements_.insert_or_assign(name, is);
    auto one = reply('1');
    one.passed = true;
    return one;
}

std::optional<aborted_block::judged> aborted_block::statement(bytes name,
                                                              const text_finder& find_text) const {
    if (const auto known = statements_.find(name); known != statements_.end())
        return known->second;
    const auto text = find_text(name);
    return text ? std::optional{judge(*text)} : std::nullopt;
}

aborted_block::answer aborted_block::bind(bytes body, const text_finder& find_text) {
    const std::string portal{take_string(body)};
    const std::string name{take_string(body)};
    const auto is = statement(name, find_text);
    if (!is)
        return no_statement(name);
    if (is->how == ends::no)
        return failed();
    portals_.insert_or_assign(portal, *is);
    return reply('2');
}

aborted_block::answer aborted_block::describe(bytes body, const text_finder& find_text) {
    const bool of_portal = body.starts_with('P');
    body.remove_prefix(std::min<std::size_t>(body.size(), 1));
    const std::string name{take_string(body)};
    const auto bound = portals_.find(name);
    if (of_portal && bound == portals_.end())
        return no_portal(name);
    const auto is = of_portal ? std::optional{bound->second} : statement(name, find_text);
    if (!is)
        return no_statement(name);
    if (!is->empty && is->how == ends::no)
        return failed();
    auto one = of_portal ? answer{} : reply('t', no_parameters);
    one.reply += reply('n').reply;
    return one;
}

aborted_block::answer aborted_block::execute(bytes body) {
    const std::string name{take_string(body)};
    const auto bound = portals_.find(name);
    if (bound == portals_.end())
        return no_portal(name);
    return bound->second.empty ? reply('I') : ended(bound->second);
}

aborted_block::answer aborted_block::close(bytes body) {
    const bool of_portal = body.starts_with('P');
    body.remove_prefix(std::min<std::size_t>(body.size(), 1));
    auto& names = of_portal ? portals_ : statements_;
    if (const auto known = names.find(take_string(body)); known != names.end())
        names.erase(known);
    auto one = reply('3');
    one.passed = !of_portal;
    return one;
}

aborted_block::answer aborted_block::sync() {
    skipping_ = false;
    answer one;
    wire::append_ready_for_query(one.reply, wire::txn::failed);
    return one;
}

/// By a statement that ends a block, or by none of those.
aborted_block::answer aborted_block::ended(judged how) {
    if (how.how == ends::no)
        return failed();
    if (how.how == ends::by_commit && untold_) {
        auto one = failed();
        one.what = then::over_skipped;
        return one;
    }
    if (how.chains && opening_.empty())
        return failed();
    answer one;
    wire::append_command_complete(one.reply, "ROLLBACK");
    one.what = how.chains ? then::again : then::over;
    return one;
}

aborted_block::answer aborted_block::failed() {
    answer one;
    append_error(one.reply);
    skipping_ = true;
    return one;
}

aborted_block::answer aborted_block::no_statement(const std::string& name) {
    return failed_by(wire::sqlstate::invalid_sql_statement_name,
                     name.empty() ? std::string{"unnamed prepared statement does not exist"}
                                  : "prepared statement \"" + name + "\" does not exist");
}

aborted_block::answer aborted_block::no_portal(const std::string& name) {
    return failed_by(wire::sqlstate::invalid_cursor_name, "portal \"" + name + "\" does not exist");
}

aborted_block::answer aborted_block::failed_by(bytes sqlstate, const std::string& message) {
    if (untold_)
        return failed();
    answer one;
    wire::append_error(one.reply, {"ERROR", sqlstate, message});
    skipping_ = true;
    return one;
}

void aborted_block::append_error(std::string& out) {
    if (const auto first = std::exchange(untold_, std::nullopt))
        return wire::append_error(
            out, {"ERROR", first->sqlstate, first->message, first->detail, first->hint});
    wire::append_error(out, {"ERROR", wire::sqlstate::in_failed_transaction,
                             "current transaction is aborted, commands ignored until end of "
                             "transaction block"});
}

}  // namespace pgballast::session
