#include "pgballast/session/requests.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <utility>

#include "pgballast/sql/grammar.hpp"
#include "pgballast/sql/words.hpp"
#include "pgballast/wire/prepared.hpp"

namespace pgballast::session {
namespace {

using sql::command;

/// Reads messages into requests, and remembers what their names mean on the way.
class reader {
 public:
    explicit reader(const definition_finder& find) : find_{find} {}

    void read(request& into, bytes message) {
        const auto type = message.front();
        into.ended = into.ended || type == 'S' || type == 'Q' || type == 'F';
        if (type == 'Q' || type == 'F') {
            into.simple = true;
            into.readable &= type == 'Q' && message.size() > wire::header_size;
            into.runs.push_back(message.substr(wire::header_size));
        }
        if (const auto about = wire::decode_subject(message); about && *about)
            read_extended(into, message, **about);
        else
            into.readable = false;
    }

 private:
    using named = std::map<std::string, std::optional<bytes>, std::less<>>;

    void read_extended(request& into, bytes message, const wire::subject& about) {
        const auto portal = std::string{about.portal.value_or(bytes{})};
        const auto name = std::string{about.statement.value_or(bytes{})};
        switch (about.header.type) {
            case 'P':
                statements_.insert_or_assign(name, definition_in(message));
                if (!name.empty())
                    into.prepares.push_back(name);
                return;
            case 'B':
                portals_.insert_or_assign(portal, definition_of(name));
                return;
            case 'E':
                if (const auto bound = portals_.find(portal);
                    bound != portals_.end() && bound->second)
                    into.runs.push_back(*bound->second);
                else
                    into.readable = false;
                return;
            case 'D':
                into.describes = true;
                return;
            default:
                return;
        }
    }

    static std::optional<bytes> definition_in(bytes message) {
        const auto fields = wire::decode_parse(message.substr(wire::header_size));
        return fields ? std::optional{fields->definition} : std::nullopt;
    }

    std::optional<bytes> definition_of(bytes name) const {
        const auto known = statements_.find(name);
        return known != statements_.end() ? known->second : find_(name);
    }

    const definition_finder& find_;
    named statements_;
    named portals_;
};

std::optional<std::vector<sql::parsed>> parse(bytes definition) {
    return sql::parse(wire::query_text(definition));
}

bool contains_any(bytes text, std::initializer_list<bytes> words) {
    return std::ranges::any_of(words, [&](bytes word) { return sql::contains_folded(text, word); });
}

/// Words without which a text, whatever it is, neither begins a block nor ends one.
bool may_speak_of_blocks(bytes text) {
    return contains_any(text, {"begin", "start", "commit", "end", "rollback", "abort", "prepare"});
}

/// Follows statements through blocks and their ends.
class effects {
 public:
    explicit effects(wire::txn before) : at_{before} {}

    bool may_come_of(bytes text) {
        const auto statements = sql::parse(text);
        if (!statements)
            return at_ == wire::txn::idle || may_speak_of_blocks(text);
        return std::ranges::any_of(*statements,
                                   [&](const sql::parsed& one) { return may_come_of(one); });
    }

 private:
    bool may_come_of(const sql::parsed& one) {
        switch (one.what) {
            case command::commit:
            case command::prepare_transaction:
                if (at_ == wire::txn::open)
                    return true;
                [[fallthrough]];
            case command::rollback:
                at_ = one.chain ? wire::txn::open : wire::txn::idle;
                return false;
            case command::begin:
                if (at_ == wire::txn::idle)
                    at_ = wire::txn::open;
                return false;
            case command::rollback_to:  // a block that has failed is alive again
                at_ = wire::txn::open;
                return false;
            default:
                return at_ == wire::txn::idle;
        }
    }

    wire::txn at_;
};

bool statement_may_outlive_rollback(const sql::parsed& one, bytes text) {
    switch (one.what) {
        case command::code:
            return contains_any(text, {"prepare", "deallocate", "execute"});
        case command::other:
            return contains_any(text, {"prepare", "deallocate"});
        default:
            return false;
    }
}

bool text_may_outlive_rollback(bytes text) {
    if (contains_any(text, {"advisory", "u&"}))  // or its name with escapes
        return true;
    if (!contains_any(text, {"prepare", "deallocate", "execute"}))
        return false;
    const auto statements = sql::parse(text);
    return !statements || std::ranges::any_of(*statements, [&](const sql::parsed& one) {
        return statement_may_outlive_rollback(one, text.substr(one.begin, one.end - one.begin));
    });
}

}  // namespace

std::vector<request> requests_in(bytes messages, const definition_finder& find) {
    std::vector<request> all;
    reader into{find};
    while (!messages.empty()) {
        if (all.empty() || all.back().ended)
            all.push_back({messages.substr(0, 0)});
        auto& last = all.back();
        const auto header = wire::decode_frame_header(messages);
        const bool whole = header && *header && (*header)->frame_size() <= messages.size();
        const auto size = whole ? (*header)->frame_size() : messages.size();
        if (whole)
            into.read(last, messages.substr(0, size));
        else
            last.partial = messages;
        last.all = {last.all.data(), last.all.size() + size};
        messages.remove_prefix(size);
    }
    return all;
}

std::optional<bool> in_block_behind(const request& of, bool before) {
    if (!of.readable)
        return std::nullopt;
    for (const auto definition : of.runs) {
        const auto statements = parse(definition);
        if (!statements && may_speak_of_blocks(wire::query_text(definition)))
            return std::nullopt;
        if (!statements)
            continue;
        for (const auto& one : *statements)
            if (one.what == command::begin)
                before = true;
            else if (one.what == command::commit || one.what == command::rollback ||
                     one.what == command::prepare_transaction)
                before = one.chain && one.what == command::rollback;  // which cannot fail
    }
    return before;
}

bool may_have_effect(std::span<const request> requests, wire::txn before) {
    effects so_far{before};
    return std::ranges::any_of(requests, [&](const request& one) {
        return !one.readable || std::ranges::any_of(one.runs, [&](bytes definition) {
            return so_far.may_come_of(wire::query_text(definition));
        });
    });
}

bool may_outlive_rollback(const request& of) {
    return !of.readable || std::ranges::any_of(of.runs, [](bytes definition) {
        return text_may_outlive_rollback(wire::query_text(definition));
    });
}

bool only_begins(const request& of) {
    if (!of.readable || of.runs.size() != 1)
        return false;
    const auto statements = parse(of.runs.front());
    return statements && statements->size() == 1 && statements->front().what == command::begin;
}

}  // namespace pgballast::session
