// The backend's bytes: which of them the client sees, and what they end.
#include <utility>

#include "pgballast/session/session.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {
namespace {

/// "57P01 … 57P03": the server goes down or has crashed.
bool announces_shutdown(bytes sqlstate) noexcept {
    return sqlstate == wire::sqlstate::admin_shutdown ||
           sqlstate == wire::sqlstate::crash_shutdown ||
           sqlstate == wire::sqlstate::cannot_connect_now;
}

/// No part of a reply up to this size reaches the client before all of it is there, in
/// bytes: behind a part no error fits, should the backend be lost.
constexpr std::size_t small_reply = 16 * 1024;

constexpr bytes parse_complete{"1\0\0\0\4", 5};

}  // namespace

loss loss_by(const wire::error_fields& last_error) {
    const bool silent = last_error.message.empty();
    return {std::string{last_error.sqlstate},
            silent ? "the server sent an error without a text" : std::string{last_error.message}};
}

step session::from_backend(bytes in) {
    if (told_due_ && !expected_.front_is_own() && !backend_body_relayed_ && tell_changes())
        return {0, act::send, 0};
    if (const auto due = take_due())  // the ReadyForQuery was sent by itself
        return {0, *due, 0};
    std::size_t run = 0;
    while (run < in.size()) {
        const auto piece =
            backend_->stream.next(in.substr(run), whole_types(), wire::body_size_max, small_reply);
        if (!piece) {
            auto broken = violated("a message of invalid length");
            broken.relay = run;
            return broken;
        }
        if (piece->type == 0)
            return {run, act::drop, piece->used};

        if (auto stop = judge(*piece)) {
            stop->relay = run;
            stop->used = piece->used;
            return *stop;
        }
        if (!piece->in_place) {
            out_.assign(piece->data);
            return {run, act::send, piece->used};
        }
        run += piece->used;
        if (const auto due = take_due())
            return {run, *due, 0};
    }
    return {run, act::done, 0};
}

/// What the driver is to be told behind a ReadyForQuery.
std::optional<act> session::take_due() noexcept {
    if (std::exchange(resume_due_, false))
        return act::resume;
    if (std::exchange(idle_due_, false))
        return act::idle;
    return std::nullopt;
}

/// Error, notice, parameter and ready messages decide something, and so do the rows of our
/// own queries. CommandComplete is small, and comes whole anyway.
bytes session::whole_types() const noexcept {
    return expected_.front_is_own() ? bytes{"ENSZD"} : bytes{"ENSZ"};
}

/// Nothing returned: the piece is relayed to the client.
std::optional<step> session::judge(const message_stream::piece& piece) {
    if (auto stop = judge_own(piece))
        return stop;
    return tell(piece.type, piece.data, piece.ends);
}

/// … of what is not for the client, or not as it is.
std::optional<step> session::judge_own(const message_stream::piece& piece) {
    if (piece.begins) {
        switch (piece.type) {
            case 'E':
                return on_error(piece);
            case 'N':
                return on_notice(piece);
            case 'S':
                return on_parameter(piece);
            case 'Z':
                return on_ready_for_query(piece);
            case 'A':  // while the backend is restored, of the client before
                backend_body_ =
                    expected_.front_own() == own::restoration ? route::swallow : route::relay;
                break;
            default: {
                const auto verdict = expected_.arrived(piece.type);
                if (verdict == expected_replies::verdict::violation)
                    return violated("a reply that nobody asked for");
                count_reply();
                if (verdict == expected_replies::verdict::parsed) {
                    backend_body_ = route::swallow;
                    return tell_instead(std::string{parse_complete});
                }
                backend_body_ =
                    verdict == expected_replies::verdict::swallow ? route::swallow : route::relay;
                if (piece.type == 'C' && piece.whole() && backend_body_ == route::relay)
                    note_command(piece.body().substr(0, piece.body().find('\0')));
            }
        }
    }
    if (backend_body_ == route::swallow) {
        if (piece.type == 'D' && expected_.front_is_own())
            on_own_row(piece);
        return step{0, act::drop, 0};
    }
    backend_body_relayed_ = !piece.ends;
    return {};
}

void session::on_own_row(const message_stream::piece& piece) {
    switch (expected_.front_own()) {
        case own::restoration:
            if (std::exchange(catalog_asked_, false))
                restoration_failed_ = !piece.data.ends_with('t');
            return;
        case own::survey:
            if (piece.whole())
                surveyor_->row(piece.body());
            else
                surveyor_->unread_row();
            return;
        case own::proof:
            proved_ = piece.data.ends_with('t');
            return;
        case own::look:
            if (!piece.whole() || std::exchange(row_seen_, true))
                own_failed_ = true;
            else
                look_at(piece.body());
            return;
        default:
            return;
    }
}

void session::look_at(bytes row) {
    const auto* user = backend_->login_reported->find("session_authorization");
    known_.looked(row, user ? bytes{*user} : bytes{}, *told_);
}

void session::note_command(bytes tag) {
    forget_statements(tag);
    if (tag == "PREPARE")
        known_.prepared();
    else
        known_.prepares_no_more();
    if (tag.starts_with("DEALLOCATE"))
        known_.doubt_statements();
    if (tag == "COMMIT" || tag == "PREPARE TRANSACTION") {  // perhaps into the next block
        known_.ends();
        told_before_.reset();
    }
    if (!changes_settings(tag))
        return;
    backend_->applied_changed = true;
    if (tag != "SET" && resets_.empty())  // of a text that nobody could read
        resets_.all = true;
    reset_seen_ |= !resets_.empty();
    // Behind a request that is on its way already it proves nothing.
    if (tag == "DISCARD ALL" && expected_.size() <= 1)
        known_.discarded_all();
}

/// Puts into `out()` what the backend reports differently from what the client was
/// told; false if that is nothing. What the client may set has been restored by now.
bool session::tell_changes() {
    told_due_ = false;
    out_.clear();
    append_changes(out_, *told_, *backend_->reported);
    told_ = backend_->reported;
    return !out_.empty();
}

std::optional<step> session::on_error(const message_stream::piece& piece) {
    const auto fields = wire::decode_error_fields(piece.body());
    if (fields.fatal()) {
        last_words_ = loss_by(fields);
        last_words_.by_error = !shutdown_noticed_;
        return step{0, act::lost, 0};
    }
    const bool extended = bytes{"PBDEC"}.find(expected_.front()) != bytes::npos;
    const bool of_unnamed_parse = expected_.front_counted() == counted::unnamed_parse;
    const auto unnamed_owed = extended ? expected_.owed(counted::unnamed_parse) : 0;
    const auto verdict = expected_.arrived('E');
    if (extended)
        note_failure(of_unnamed_parse, unnamed_owed - expected_.owed(counted::unnamed_parse));
    if (verdict == expected_replies::verdict::violation)
        return violated("an error that nobody asked for");
    if (verdict == expected_replies::verdict::swallow) {
        backend_body_ = route::swallow;
        const auto what = expected_.front_own();
        if (what == own::prepare && fields.sqlstate == wire::sqlstate::duplicate_prepared_statement)
            return violated("a statement of somebody else's");
        if (what != own::restoration) {
            own_failed_ = true;
            return step{0, act::drop, 0};
        }
        restoration_failed_ = true;
        last_words_ = {std::string{fields.sqlstate}, std::string{fields.message}};
        return step{0, act::drop, 0};
    }
    known_.prepares_no_more();
    // statement_timeout is 57014 too: only its own words tell a cancel request.
    if (fields.sqlstate == wire::sqlstate::query_canceled &&
        fields.message.find("user request") != bytes::npos)
        cancel_answered_ = true;
    if (fields.sqlstate == wire::sqlstate::feature_not_supported &&
        fields.message.find("cached plan") != bytes::npos) {
        backend_->statements->doubt_all();  // parsed anew before their next use
        if (may_run_afresh()) {
            to_run_afresh_ = true;
            phase_ = phase::settling;  // who sends more waits
            backend_body_ = route::swallow;
            return step{0, act::drop, 0};
        }
    }
    if (rename_in_error(piece.body())) {
        backend_body_ = route::swallow;
        return tell_instead(std::exchange(out_, {}));
    }
    backend_body_ = route::relay;
    backend_body_relayed_ = !piece.ends;
    return {};
}

/// What a prepared statement names has another definition than when it was prepared (0A000, at
/// Bind). If nothing has run but that has failed, and the client asks for the description with
/// it, it need not know.
bool session::may_run_afresh() const {
    const auto& was = backend_->since_idle;
    if (ran_afresh_ || recovery_ || txn_ != wire::txn::idle || phase_ != phase::ready ||
        !was.complete() || was.so_far().size != 0 || !front_.empty() || client_.within_message())
        return false;
    const auto asked =
        requests_in(was.unanswered(), [&](bytes name) { return definition_of(name); });
    return asked.size() == 1 && asked.front().ended && asked.front().readable &&
           asked.front().describes && asked.front().runs.size() == 1;
}

/// Its error has been kept from the client, and so is its ReadyForQuery.
step session::run_afresh() {
    count_reply();
    to_run_afresh_ = false;
    ran_afresh_ = true;
    refeed_ = backend_->since_idle.unanswered();
    backend_->since_idle.forget();
    phase_ = phase::ready;
    resume_due_ = true;
    return {0, act::drop, 0};
}

std::optional<step> session::on_notice(const message_stream::piece& piece) {
    const auto fields = wire::decode_error_fields(piece.body());
    backend_body_ = route::relay;
    if (announces_shutdown(fields.sqlstate)) {
        // The client is told what became of its request, in one error, when the end
        // of the connection follows; this warning would only confuse its driver.
        last_words_ = {std::string{fields.sqlstate}, std::string{fields.message}};
        shutdown_noticed_ = true;
        backend_body_ = route::swallow;
        return step{0, act::drop, 0};
    }
    if (expected_.front_is_own()) {
        backend_body_ = route::swallow;
        return step{0, act::drop, 0};
    }
    backend_body_relayed_ = !piece.ends;
    return {};
}

std::optional<step> session::on_parameter(const message_stream::piece& piece) {
    if (!piece.whole() || piece.data.size() > message_stream::whole_max)
        return violated("an oversized ParameterStatus");
    const auto status = wire::decode_parameter_status(piece.body());
    if (!status)
        return violated("a malformed ParameterStatus");
    backend_->reported = with_value(backend_->reported, status->name, status->value);
    if (expected_.front_is_own()) {
        told_due_ = true;  // once the restoration is complete
        return step{0, act::drop, 0};
    }
    if (!told_before_ && expected_.owes())
        told_before_ = told_;
    told_ = backend_->reported;
    known_.doubt_statements();
    return {};
}

std::optional<step> session::on_ready_for_query(const message_stream::piece& piece) {
    const auto status = wire::decode_ready_for_query(piece.body());
    if (!status)
        return violated("a malformed ReadyForQuery");
    const auto what = expected_.front_own();
    switch (expected_.arrived('Z')) {
        case expected_replies::verdict::violation:
            return violated("a ReadyForQuery that nobody asked for");
        case expected_replies::verdict::swallow:
            return on_own_ready(what, *status);
        case expected_replies::verdict::parsed:
        case expected_replies::verdict::relay:
            if (recovery_ && recovery_->passes_over())
                return replies_differ();
            if (to_run_afresh_)
                return run_afresh();
            ran_afresh_ = false;
            count_reply();
            known_.prepares_no_more();
            txn_ = *status;
            if (txn_ == wire::txn::idle) {
                known_.ends();
                told_before_.reset();
            }
            backend_->since_idle.ready(txn_ != wire::txn::idle, nothing_under_way());
            if (const auto again = std::exchange(recovery_, nullptr))
                aftermath_ = again->how;
            if (!expected_.owes()) {
                deallocates_ = false;
                deallocating_.clear();
                sets_in_block_ &= txn_ != wire::txn::idle;
                reset_seen_ &= txn_ != wire::txn::failed;  // it will be rolled back
                if (!reset_seen_)
                    resets_ = {};
            }
            if (phase_ == phase::settling) {
                phase_ = phase::ready;
                front_due_ = resume_due_ = true;
            }
            if (auto asked = restore_startup())
                return asked;
            idle_due_ = is_idle();
            // It may be one without a reply: data of a COPY that has failed.
            idle_withheld_ = !idle_due_ && client_.within_message();
            return {};
    }
    return {};
}

/// What the client has RESET is at the login's values, and should be at the client's own. It
/// is told that it may go on when they are.
std::optional<step> session::restore_startup() {
    if (!reset_seen_ || !keeps_session() || txn_ == wire::txn::failed || !nothing_under_way())
        return std::nullopt;
    reset_seen_ = false;
    const auto text = startup_query(*backend_->login_reported, *startup_told_, startup_,
                                    std::exchange(resets_, {}));
    if (text.empty())
        return std::nullopt;
    ready_withheld_ = true;
    ask(own::startup, text);
    return step{0, act::ask, 0};
}

std::optional<step> session::on_own_ready(own what, wire::txn status) {
    if (what == own::startup)
        return on_startup_restored(status);
    if (what == own::opening)
        return on_opened(status);
    if (status != wire::txn::idle)
        return violated("a transaction that nobody asked for");
    if (what == own::survey)
        return on_surveyed();
    if (what == own::restoration)
        return on_restored();
    if (what == own::proof)
        return on_proved();
    if (what == own::prepare)  // if it has failed, so will what uses the statement
        return looked();
    if (own_failed_ || !row_seen_)
        known_.look_failed();
    return looked();
}

step session::on_opened(wire::txn status) {
    if (status != wire::txn::open)
        return violated("no transaction where one was begun");
    opening_.clear();
    phase_ = phase::ready;
    return {0, act::resume, 0};
}

step session::on_startup_restored(wire::txn status) {
    if (own_failed_)
        return violated("an error for settings that were right at login");
    ready_withheld_ = false;
    txn_ = status;
    tell_changes();
    wire::append_ready_for_query(out_, status);
    idle_due_ = is_idle();
    return {0, act::send, 0};
}

step session::on_surveyed() {
    const auto begun = surveyor_->begun();
    const auto found = own_failed_ ? nullptr : surveyor_->finish();
    surveyor_.reset();
    if (!found) {
        about_->survey_failed(begun);
        known_.look_failed();
        return looked();
    }
    about_->learned(found);
    if (!is_idle() || !known_.must_look())
        return looked();
    ask(own::look, known_.begin_look(*backend_->reported));
    return {0, act::ask, 0};
}

/// Only if the client has not sent something since: then `act::idle` follows.
step session::looked() const noexcept {
    return {0, is_idle() ? act::looked : act::drop, 0};
}

step session::on_restored() {
    if (!restoration_failed_ && !catalog_asked_) {
        backend_->applied = known_.settings();
        backend_->applied_changed = false;
        restorations_lost_ = 0;
        if (phase_ != phase::restoring)
            return looked();  // the client's request may have been answered without the server
        backend_->accept(restoration_.text);
        lost_while_idle_ = false;
        known_.no_code_has_run();
        if ((recovery_ && !recovery_->proof.empty()) || !opening_.empty())
            return {0, act::drop, 0};
        phase_ = phase::ready;
        return {0, act::resume, 0};
    }
    if (phase_ != phase::restoring)  // the client's request is behind it already
        return violated("an error where the same text had worked before");
    told(wire::sqlstate::admin_shutdown);
    if (last_words_.sqlstate.empty())
        return fail_with({"FATAL", wire::sqlstate::admin_shutdown,
                          "session state may have been lost with its backend",
                          "Functions or views of this database may have made some.",
                          "Connect again."});
    return fail_with({"FATAL", last_words_.sqlstate, last_words_.message,
                      "pgballast could not give a backend this session's settings."});
}

step session::violated(const char* what) {
    last_words_ = {{}, std::string{"the server sent "} + what};
    return {0, act::lost, 0};
}

}  // namespace pgballast::session
