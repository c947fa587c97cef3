// Prepared statements: clients' names and the backends', and what has to be said to a backend
// that does not have a statement yet. PostgreSQL protocol 3.0, "Extended Query".
#include "pgballast/session/session.hpp"
#include "pgballast/sql/frozen_time.hpp"
#include "pgballast/sql/prepare.hpp"
#include "pgballast/wire/sqlstate.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::session {
namespace {

/// Nobody prepares a statement of that name.
constexpr bytes nothing = "pgballast_nothing";

constexpr bytes too_many_statements =
    "too many prepared statements: deallocate those that are not needed";

}  // namespace

/// A message that may name a statement has begun; `front` is what has come of it. Nothing
/// returned: it goes to the backend as it is.
std::optional<step> session::send_front(bytes front, bool whole, std::size_t used) {
    const auto about = wire::decode_subject(front);
    if (!about) {  // the server knows best what to say to that
        expected_.sent(front.front());
        return {};
    }
    if (!*about) {
        front_.assign(front);
        return step{0, act::drop, used};
    }
    switch (send_as(front, **about, whole)) {
        case routing::as_it_is:
            return {};
        case routing::rewritten:
            return step{0, act::send, used};
        case routing::answered:
            return step{0, act::reply, used};
        case routing::refused:
            return fail_with(
                {"FATAL", wire::sqlstate::program_limit_exceeded, too_many_statements});
        case routing::wait:
            break;
    }
    return hold_front(front, whole, used);
}

/// Keeps what has come of a message until what is in flight has decided what it means.
step session::hold_front(bytes front, bool whole, std::size_t used) {
    front_.assign(front);
    front_whole_ = whole;
    phase_ = phase::settling;
    return step{0, act::wait, used};
}

/// What has waited may be sent now, or waits again.
step session::send_held_front() {
    front_due_ = false;
    const auto front = std::exchange(front_, {});
    message_stream::piece piece;
    piece.type = front.front();
    piece.data = front;
    piece.begins = true;
    piece.ends = front_whole_;
    if (auto stop = send_request(piece)) {
        if (stop->what == act::reply)  // it has been taken for one that the backend answers
            backend_->since_idle.ready(txn_ != wire::txn::idle, nothing_under_way());
        return *stop;
    }
    out_.assign(front);
    return step{0, act::send, 0};
}

session::routing session::send_as(bytes message, const wire::subject& about, bool whole) {
    if (about.header.type == 'P')
        return send_parse(message, *about.statement, whole);
    if (!about.statement) {
        expected_.sent(about.header.type);
        return routing::as_it_is;
    }
    if (!about.statement->empty())
        return send_named(message, about);
    if (about.header.type == 'B' && keeps_session())
        note_run_again(unnamed_.text(), unnamed_left_);
    if (about.header.type == 'C')
        unnamed_.dropped();
    else if (!unnamed_.here())
        return send_unnamed(message);
    expected_.sent(about.header.type);
    return routing::as_it_is;
}

/// The unnamed statement was left behind with another backend, or there is none: then that of
/// some other client must not serve.
session::routing session::send_unnamed(bytes message) {
    out_.clear();
    const bool none = unnamed_.definition().empty();
    if (none)
        wire::append_close_statement(out_, {});
    else
        wire::append_parse(out_, {}, unnamed_.definition());
    expected_.sent(none ? counted::own_close : counted::own_parse);
    backend_->statements->other_sent();
    unnamed_.parsed_again();
    out_.append(message);
    expected_.sent(message.front());
    return routing::rewritten;
}

session::routing session::send_parse(bytes message, bytes name, bool whole) {
    const auto definition =
        message.substr(std::min(message.size(), wire::header_size + name.size() + 1));
    const auto text = definition.substr(0, definition.find('\0'));
    if (whole && name.empty()) {
        const auto routed = send_deallocate(text, false);
        if (routed != routing::as_it_is)
            return routed;
    }
    deallocates_ |= sql::may_deallocate(text);
    if (name.empty()) {
        if (!expected_.skipping())
            unnamed_.parse_sent(whole ? definition : bytes{});
        expected_.sent(counted::unnamed_parse);
        return routing::as_it_is;
    }
    if (!whole || !wire::decode_parse(message.substr(wire::header_size))) {
        known_.keeps_statement();
        expected_.sent('P');
        return routing::as_it_is;
    }
    const auto meaning = names_.find(name);
    if (must_settle(meaning))
        return routing::wait;
    if (names_.full())
        return routing::refused;
    out_.clear();
    if (meaning.standing == standing::present) {  // 42P05, unless the text is wrong
        prepare(*meaning.statement);
        wire::append_parse(out_, meaning.statement->server_name, definition);
        expected_.sent('P');
        return routing::rewritten;
    }
    const auto made = make_statement(name, definition);
    names_.parse_sent(name, made);
    const auto how = backend_->statements->prepare(*made);
    if (how == preparation::none) {
        wire::append_close_statement(out_, nothing);
        expected_.sent(counted::parse_of_known);
        return routing::rewritten;
    }
    if (how == preparation::replace)
        close_statement(made->server_name);
    close_oldest_statement();
    expected_.sent(counted::parse);
    if (out_.empty() && made->server_name == name)
        return routing::as_it_is;
    wire::append_parse(out_, made->server_name, definition);
    return routing::rewritten;
}

statement_ptr session::make_statement(bytes name, bytes definition) {
    if (how_ == mode::session)
        return statement_registry::named(name, definition);
    // What Parse reads of the session has to be known for certain.
    if (sql::freezes_time(wire::query_text(definition)) || !parse_settings_are_certain())
        return statement_registry::alone(definition);
    return statements_->share(definition, known_.fingerprint(*told_));
}

bool session::parse_settings_are_certain() const {
    if (sets_in_block_ || !keeps_session())
        return !sets_in_block_;
    // User code may have set something for its transaction only.
    const bool between =
        txn_ == wire::txn::idle && !expected_.ready_owed() && !expected_.segment_open();
    return known_.settings_are_certain() && (between || !known_.code_is_unseen());
}

/// What the name means is decided by what is in flight, before the last Sync.
bool session::must_settle(const client_statements::meaning& of) const noexcept {
    return (of.standing == standing::unsettled || deallocates_) && expected_.ready_owed();
}

/// Bind, Describe or Close.
session::routing session::send_named(bytes message, const wire::subject& about) {
    const auto meaning = names_.find(*about.statement);
    if (must_settle(meaning))
        return routing::wait;
    const auto type = about.header.type;
    const bool known = meaning.standing == standing::present;
    if (type == 'C') {
        names_.close_sent(*about.statement);
        const bool shared = known && !is_alone(*meaning.statement);
        if (known && !shared)
            backend_->statements->close_sent(meaning.statement->server_name);
        if (!known)
            known_.doubt_statements();  // it may be one of SQL's PREPARE
        expected_.sent(known && !shared ? counted::close : counted::close_of_name);
        if (!known || shared || meaning.statement->server_name == *about.statement)
            return routing::as_it_is;
        out_.clear();
    } else {
        if (type == 'B' && keeps_session())
            note_run_again(known ? meaning.statement->text() : bytes{},
                           known ? meaning.statement->left : sql::trace::unknown);
        if (!known) {
            expected_.sent(type);
            return routing::as_it_is;
        }
        out_.clear();
        prepare(*meaning.statement);
        expected_.sent(type);
        if (out_.empty() && meaning.statement->server_name == *about.statement)
            return routing::as_it_is;
    }
    wire::append_renamed_front(out_, about, meaning.statement->server_name);
    out_.append(message.substr(about.size));
    return routing::rewritten;
}

/// Nobody else has it by that name: it can go when its client closes it.
bool session::is_alone(const statement& one) const noexcept {
    return how_ == mode::session || one.server_name.starts_with(statement_registry::alone_prefix);
}

/// Puts into `out()` what makes the backend have a statement.
void session::prepare(const statement& used) {
    const auto how = backend_->statements->prepare(used);
    if (how == preparation::replace)
        close_statement(used.server_name);
    if (how != preparation::none) {
        wire::append_parse(out_, used.server_name, used.definition);
        expected_.sent(counted::own_parse);
    }
    close_oldest_statement();
}

void session::close_oldest_statement() {
    if (const auto oldest = backend_->statements->evict())
        close_statement(*oldest);
}

void session::close_statement(bytes server_name) {
    wire::append_close_statement(out_, server_name);
    expected_.sent(counted::own_close);
}

/// DEALLOCATE of a statement that was prepared by the protocol: the server knows it by another
/// name, and it may be others' as well.
session::routing session::send_deallocate(bytes text, bool simple) {
    if (names_.size() == 0)
        return routing::as_it_is;
    const auto name = sql::deallocated(text);
    if (!name)
        return routing::as_it_is;
    const auto meaning = names_.find(*name);
    if (meaning.standing == standing::absent || txn_ == wire::txn::failed)
        return routing::as_it_is;
    if (expected_.ready_owed())
        return routing::wait;
    if (simple && expected_.segment_open())
        return routing::as_it_is;
    if (how_ == mode::session && backend_->statements->has(meaning.statement->server_name)) {
        deallocating_ = *name;  // by the name that the server knows it by
        return routing::as_it_is;
    }
    out_.clear();
    if (simple) {
        names_.deallocate(*name);
        wire::append_command_complete(out_, "DEALLOCATE");
        wire::append_ready_for_query(out_, txn_);
        return routing::answered;
    }
    prepare(*meaning.statement);
    const auto renamed = "deallocate \"" + meaning.statement->server_name + '"';
    wire::append_parse(out_, {}, renamed + std::string(3, '\0'));
    expected_.sent(counted::unnamed_parse);
    unnamed_.parse_sent(renamed + std::string(3, '\0'));
    deallocates_ = true;
    deallocating_ = *name;
    return routing::rewritten;
}

/// A reply has ended something: those who keep count hear of it.
void session::count_reply() {
    auto& there = *backend_->statements;
    for (auto passed = expected_.passed_over(); passed != 0; --passed) {
        names_.sync_done();
        there.sync_done();
    }
    if (expected_.ended_query())
        unnamed_.dropped();
    if (expected_.ended_sync()) {
        names_.sync_done();
        there.sync_done();
        return;
    }
    switch (expected_.ended_counted()) {
        case counted::none:
            return;
        case counted::unnamed_parse:
            unnamed_.parsed();
            return;
        case counted::parse:
        case counted::close:
            names_.done();
            there.done();
            return;
        case counted::parse_of_known:
        case counted::close_of_name:
            names_.done();
            return;
        case counted::own_parse:
        case counted::own_close:
            there.done();
            return;
    }
}

/// The server knows the statement by another name than its client does.
bool session::rename_in_error(bytes body) {
    const auto from = body.find("\"pgballast_");
    const auto to = body.find('"', from + 1);
    if (from == bytes::npos || to == bytes::npos)
        return false;
    const auto name = names_.name_of(body.substr(from + 1, to - from - 1));
    if (!name)
        return false;
    out_.clear();
    wire::message{out_, 'E'}.view(body.substr(0, from + 1)).view(*name).view(body.substr(to));
    return true;
}

void session::note_failure(bool of_unnamed_parse, std::size_t unnamed_skipped) {
    count_reply();
    names_.failed();
    backend_->statements->failed();
    unnamed_.failed(of_unnamed_parse, unnamed_skipped);
}

void session::forget_statements(bytes tag) {
    if (tag == "DISCARD ALL" || tag == "DEALLOCATE ALL") {
        names_.clear();
        backend_->statements->clear();
    } else if (tag == "DEALLOCATE" && !deallocating_.empty()) {
        if (const auto gone = names_.find(deallocating_).statement)
            backend_->statements->deallocate(gone->server_name);
        names_.deallocate(deallocating_);
        deallocating_.clear();
    }
}

}  // namespace pgballast::session
