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

}  // namespace

loss loss_by(const wire::error_fields& last_error) {
    const bool silent = last_error.message.empty();
    return {std::string{last_error.sqlstate},
            silent ? "the server sent an error without a text" : std::string{last_error.message}};
}

step session::from_backend(bytes in) {
    if (told_due_ && !expected_.front_is_own() && tell_changes())
        return {0, act::send, 0};
    if (idle_due_) {  // the ReadyForQuery was sent by itself
        idle_due_ = false;
        return {0, act::idle, 0};
    }
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
        if (idle_due_) {
            idle_due_ = false;
            return {run, act::idle, 0};
        }
    }
    return {run, act::done, 0};
}

/// Error, notice, parameter and ready messages decide something; DataRow does while the
/// catalog is asked, and CommandComplete where settings can be changed unreported.
bytes session::whole_types() const noexcept {
    if (phase_ == phase::restoring)
        return "ENSZD";
    return startup_ && !startup_->empty() ? bytes{"ENSZC"} : bytes{"ENSZ"};
}

/// Nothing returned: the piece is relayed to the client.
std::optional<step> session::judge(const message_stream::piece& piece) {
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
                backend_body_ = expected_.front_is_own() ? route::swallow : route::relay;
                break;
            default: {
                const auto verdict = expected_.arrived(piece.type);
                if (verdict == expected_replies::verdict::violation)
                    return violated("a reply that nobody asked for");
                backend_body_ =
                    verdict == expected_replies::verdict::swallow ? route::swallow : route::relay;
                if (piece.type == 'C' && piece.whole())
                    note_command(piece.body());
            }
        }
    }
    if (backend_body_ == route::swallow) {
        if (piece.type == 'D' && std::exchange(catalog_asked_, false))
            restoration_failed_ = !piece.data.ends_with('t');
        return step{0, act::drop, 0};
    }
    backend_body_relayed_ = !piece.ends;
    return {};
}

void session::note_command(bytes body) noexcept {
    if (backend_body_ == route::relay && changes_settings(body.substr(0, body.find('\0'))))
        backend_->applied_changed = true;
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
        return step{0, act::lost, 0};
    }
    const auto verdict = expected_.arrived('E');
    if (verdict == expected_replies::verdict::violation)
        return violated("an error that nobody asked for");
    if (verdict == expected_replies::verdict::swallow) {
        restoration_failed_ = true;
        backend_body_ = route::swallow;
        last_words_ = {std::string{fields.sqlstate}, std::string{fields.message}};
        return step{0, act::drop, 0};
    }
    // statement_timeout is 57014 too: only its own words tell a cancel request.
    if (fields.sqlstate == wire::sqlstate::query_canceled &&
        fields.message.find("user request") != bytes::npos)
        cancel_answered_ = true;
    backend_body_ = route::relay;
    backend_body_relayed_ = !piece.ends;
    return {};
}

std::optional<step> session::on_notice(const message_stream::piece& piece) {
    const auto fields = wire::decode_error_fields(piece.body());
    backend_body_ = route::relay;
    if (announces_shutdown(fields.sqlstate)) {
        // The client is told what became of its request, in one error, when the end
        // of the connection follows; this warning would only confuse its driver.
        last_words_ = {std::string{fields.sqlstate}, std::string{fields.message}};
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
    told_ = backend_->reported;
    return {};
}

std::optional<step> session::on_ready_for_query(const message_stream::piece& piece) {
    const auto status = wire::decode_ready_for_query(piece.body());
    if (!status)
        return violated("a malformed ReadyForQuery");
    switch (expected_.arrived('Z')) {
        case expected_replies::verdict::violation:
            return violated("a ReadyForQuery that nobody asked for");
        case expected_replies::verdict::swallow:
            if (*status != wire::txn::idle)
                return violated("a transaction that nobody asked for");
            return on_restored();
        case expected_replies::verdict::relay:
            txn_ = *status;
            if (!expected_.owes())
                opener_.clear();
            idle_due_ = is_idle();
            // It may be one without a reply: data of a COPY that has failed.
            idle_withheld_ = !idle_due_ && client_.within_message();
            return {};
    }
    return {};
}

step session::on_restored() {
    if (!restoration_failed_ && !catalog_asked_) {
        backend_->applied = startup_;
        backend_->applied_changed = false;
        restorations_lost_ = 0;
        if (phase_ != phase::restoring)
            return {0, act::drop, 0};
        backend_->accept(restoration_);
        phase_ = phase::ready;
        lost_while_idle_ = code_may_run_ = false;
        return {0, act::resume, 0};
    }
    if (phase_ != phase::restoring)  // the client's request is behind it already
        return violated("an error where the same text had worked before");
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
