// The client's bytes: when they need a backend, and which of them go there.
#include <algorithm>
#include <utility>

#include "pgballast/session/asleep.hpp"
#include "pgballast/session/session.hpp"
#include "pgballast/sql/prepare.hpp"
#include "pgballast/sql/text_facts.hpp"
#include "pgballast/sql/words.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {
namespace {

constexpr bytes frontend_types = "QPBDECSHFdcfX";

/// Messages that may name a statement.
constexpr bytes naming_types = "PBDC";

/// … and with texts that are judged, where sessions are kept.
constexpr bytes judged_types = "PBDCQ";

/// What PostgreSQL expects while it copies in: Sync and Flush are ignored.
constexpr bytes copy_in_types = "dcfHS";

/// Messages that begin something new: with a reply outstanding, that is pipelining.
constexpr bytes request_types = "QFPBDEC";

constexpr bool contains(bytes types, char type) noexcept {
    return types.find(type) != bytes::npos;
}

}  // namespace

step session::from_client(bytes in) {
    const auto whole_types = keeps_session() || names_.size() != 0 ? judged_types : naming_types;
    if (!refeed_.empty()) {
        out_ = std::exchange(refeed_, {});
        return {0, act::again, 0};
    }
    if (front_due_)
        return send_held_front();
    std::size_t run = 0;
    while (run < in.size()) {
        const auto rest = in.substr(run);
        if (phase_ == phase::failed)
            return {run, act::drop, rest.size()};
        if (aborted_ && pass_next_ && client_.at_boundary()) {
            pass_next_ = false;
            return {run, act::drop, skip_message(rest)};
        }
        if (aborted_ && !(client_.within_message() && client_body_ == route::swallow))
            return in_aborted_block(rest);

        const auto header = client_.header(rest, message_max_);
        if (!header) {
            auto broken = protocol_violation("invalid message length");
            broken.relay = run;
            return broken;
        }
        if (*header) {
            if (auto stop = gate(**header)) {
                stop->relay = run;
                if (stop->what == act::drop || stop->what == act::reply)
                    stop->used = skip_message(rest);
                return *stop;
            }
        }

        const auto piece = client_.next(rest, whole_types, message_max_);
        if (piece->type == 0)
            return {run, act::drop, piece->used};
        if (client_body_ == route::swallow)
            return {run, act::drop, piece->used};
        if (piece->begins)
            note_request(*piece);
        if ((piece->type == 'Q' || piece->type == 'P') && keeps_session() && !piece->whole())
            known_.runs_part(piece->data, piece->begins);
        if (piece->begins || !front_.empty())
            if (auto stop = send_request(*piece)) {
                stop->relay = run;
                if (stop->what != act::reply)
                    keep_asked(*piece);
                return *stop;
            }
        keep_asked(*piece);
        if (!piece->in_place) {
            out_.assign(piece->data);
            return {run, act::send, piece->used};
        }
        run += piece->used;
        if (piece->ends && std::exchange(idle_withheld_, false) && is_idle())
            return {run, act::idle, 0};
    }
    return {run, act::done, 0};
}

/// What has gone to the backend, or waits to, might have to be sent to another one. Data of a
/// COPY cannot be.
void session::keep_asked(const message_stream::piece& piece) {
    if (contains("dcf", piece.type))
        backend_->since_idle.copies();
    else
        backend_->since_idle.asked(piece.data);
}

/// Of types that are no requests. Nothing returned: it is one.
std::optional<step> session::gate_type(char type) {
    if (!contains(frontend_types, type))
        return protocol_violation(std::string{"invalid frontend message type "} +
                                  std::to_string(static_cast<unsigned char>(type)));
    if (type == 'X')
        return step{0, act::leave, 0};
    return {};
}

/// May the message that begins go to the backend? Nothing returned: yes.
std::optional<step> session::gate(const wire::frame_header& header) {
    client_body_ = route::relay;
    if (auto stop = gate_type(header.type))
        return stop;
    if (pass_next_) {
        pass_next_ = false;
        return step{0, act::drop, 0};
    }
    if (phase_ == phase::restoring || phase_ == phase::settling)
        return step{0, act::wait, 0};
    if (phase_ == phase::lost_segment) {
        if (header.type != 'S')
            return step{0, act::drop, 0};
        phase_ = phase::ready;
        out_.clear();
        wire::append_ready_for_query(out_, txn_);
        return step{0, act::reply, 0};
    }
    if (closes_)
        return lost_block_closes();
    if (lost_while_idle_ && !backend_ && relies_on_lost_state(header))
        return session_lost();
    if (!backend_)
        return gate_without_backend(header.type);
    if (expected_.full())
        return fail_with(
            {"FATAL", wire::sqlstate::program_limit_exceeded, "too many requests in one pipeline"});
    // PostgreSQL fails the COPY and throws the message away.
    if (expected_.copying_in() && !contains(copy_in_types, header.type))
        return protocol_violation("unexpected message during COPY from stdin");
    return {};
}

std::optional<step> session::gate_without_backend(char type) {
    switch (type) {
        case 'S':  // nothing to synchronise with: no backend is woken for that
            out_.clear();
            wire::append_ready_for_query(out_, txn_);
            return step{0, act::reply, 0};
        case 'H':
        case 'd':  // behind a COPY that has failed, as PostgreSQL ignores them
        case 'c':
        case 'f':
            return step{0, act::drop, 0};
        default:
            waiting_type_ = type;
            return step{0, act::acquire, 0};
    }
}

std::size_t session::answer_asleep(bytes in, bool select1) {
    assert(!backend_);
    if (!is_idle() || recovery_)
        return 0;
    auto answer = client_.at_boundary() ? answer_without_server(in) : std::nullopt;
    if (!answer)
        return 0;
    const auto asks_for = [&](sql::ping what) {
        return std::ranges::find(answer->to, what) != answer->to.end();
    };
    if (asks_for(sql::ping::one) && !select1)
        return 0;
    if (std::ranges::any_of(answer->to, sql::takes_back) && !as_at_login())
        return 0;
    if (asks_for(sql::ping::discard_all) || asks_for(sql::ping::deallocate_all))
        names_.clear();
    unnamed_.dropped();
    if (answer->definition) {
        unnamed_.parse_sent(*answer->definition);
        unnamed_.parsed();
        unnamed_.left_behind();
        unnamed_left_ = sql::trace::unknown;
    }
    out_ = std::move(answer->reply);
    return answer->used;
}

/// So a reset leaves it as it is.
bool session::as_at_login() const noexcept {
    return known_.settings() == startup_ && told_->values() == startup_told_->values() &&
           known_.statements().empty() && known_.lost_with_backend().empty();
}

/// Takes what is there of a message that goes nowhere; its rest will follow it.
std::size_t session::skip_message(bytes in) {
    const auto piece = client_.next(in, {}, message_max_);
    client_body_ = route::swallow;
    return piece->used;
}

void session::note_request(const message_stream::piece& piece) {
    pipelines_ |= expected_.ready_owed() && contains(request_types, piece.type);
    backend_used_ = true;
    if (!keeps_session())
        return;
    if (txn_ == wire::txn::idle && !expected_.ready_owed() && !expected_.segment_open())
        known_.begins();
    note_text(piece);
}

/// What comes of a message that begins, or whose names have not been whole. Nothing
/// returned: it goes to the backend as it is.
std::optional<step> session::send_request(const message_stream::piece& piece) {
    if (piece.begins && contains(naming_types, piece.type))
        return send_front(piece.data, piece.ends, piece.used);
    if (!piece.begins) {
        const auto front = std::exchange(front_, {}).append(piece.data);
        if (auto stop = send_front(front, false, piece.used))
            return stop;
        out_.assign(front);
        return step{0, act::send, piece.used};
    }
    if (piece.type == 'Q' && piece.whole()) {
        const auto routed = send_deallocate(text_of(piece), true);
        if (routed == routing::answered)
            return step{0, act::reply, piece.used};
        if (routed == routing::wait)
            return hold_front(piece.data, true, piece.used);
    }
    if (piece.type == 'Q')
        deallocates_ |= sql::may_deallocate(text_of(piece));
    if (piece.type == 'S') {
        names_.sync_sent();
        backend_->statements->sync_sent();
    }
    expected_.sent(piece.type);
    return {};
}

/// Of a Query or Parse; of a part of one what is there.
bytes session::text_of(const message_stream::piece& piece) noexcept {
    auto text = piece.body();
    if (piece.type == 'P') {
        const auto name_end = text.find('\0');
        text.remove_prefix(name_end == bytes::npos ? text.size() : name_end + 1);
    }
    return text.substr(0, text.find('\0'));
}

void session::note_text(const message_stream::piece& piece) {
    if (piece.type == 'F')
        known_.runs_anything();
    if (piece.type != 'Q' && piece.type != 'P')
        return;
    if (!piece.whole()) {
        unnamed_left_ = sql::trace::unknown;
        return;
    }
    const auto text = text_of(piece);
    const auto facts = sql::facts_of(text);
    if (facts.left != sql::trace::code || text.find(';') != bytes::npos)
        note_setting(text, facts.left);
    if (piece.type == 'P')
        unnamed_left_ = facts.left;
    note_run(text, facts);
}

/// A PREPARE alone changes nothing but that there is a statement more.
void session::note_run(bytes text, const sql::text_facts& facts) {
    const bool in_flight = expected_.ready_owed() || expected_.segment_open();
    auto name =
        facts.left == sql::trace::unknown && !in_flight ? sql::prepared(text) : std::nullopt;
    if (!name)
        return known_.runs(text, facts);
    sql_statements::statement one{std::move(*name), std::string{text}};
    if (parse_settings_are_certain())
        one.fingerprint = known_.fingerprint(*told_);
    known_.prepares(std::move(one), facts);
}

/// A statement that was prepared before.
void session::note_run_again(bytes text, sql::trace left) {
    if (left != sql::trace::code)
        note_setting(text, left);
    known_.runs_again(text, left);
}

void session::note_setting(bytes text, sql::trace left) {
    const bool sets = sql::contains_folded(text, "set");
    // SET LOCAL, or one whose effect has not been reported yet.
    sets_in_block_ |= left != sql::trace::unknown && sets;
    if (sets || sql::contains_folded(text, "discard"))
        resets_.add(sql::resets_in(text));
}

step session::protocol_violation(const std::string& what) {
    return fail_with({"FATAL", wire::sqlstate::protocol_violation, what});
}

}  // namespace pgballast::session
