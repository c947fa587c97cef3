// When a backend is lost, or none can be had: what the client is told.
#include <utility>

#include "pgballast/session/session.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {
namespace {

// Some drivers take phrases like "terminating connection" for the end of their own
// connection, so the server's words go into the detail of an error of ours.
wire::error_message unknown_outcome(bytes severity, bytes detail) {
    return {severity, wire::sqlstate::outcome_unknown,
            "the backend was lost while the request was running: its outcome is unknown", detail,
            "Find out whether it took effect before you run it again."};
}

}  // namespace

step session::backend_lost(loss why) {
    if (!why.sqlstate.empty() || last_words_.sqlstate.empty())
        last_words_ = std::move(why);
    backend_ = nullptr;  // not to be touched any more
    detach();
    if (phase_ == phase::failed)
        return {0, act::drop, 0};
    lost_while_idle_ = keeps_session();
    told_due_ = reset_seen_ = false;
    resets_ = {};
    known_.look_lost();
    known_.prepares_no_more();
    names_.backend_lost();
    unnamed_.left_behind();
    deallocates_ = front_due_ = resume_due_ = sets_in_block_ = false;
    deallocating_.clear();

    if (backend_body_relayed_) {  // no error fits into the middle of a message
        phase_ = phase::failed;
        out_.clear();
        return {0, act::fail, 0};
    }
    if (phase_ == phase::restoring)
        return restoration_lost();
    expected_.settle();

    if (!front_.empty()) {  // nor of one that waits, or whose names have not been whole
        phase_ = phase::ready;
        expected_.sent(front_.front());
        front_.clear();
    }
    if (client_.gathering())  // begun, and nothing of it sent: it is lost like the rest
        expected_.sent(client_.type());
    if (client_.within_message())
        client_body_ = route::swallow;
    const bool in_block = std::exchange(txn_, wire::txn::idle) != wire::txn::idle;
    if (expected_.all_done()) {
        lost_in_block_ = in_block;
        if (!std::exchange(ready_withheld_, false))
            return {0, act::drop, 0};
        out_.clear();
        wire::append_ready_for_query(out_, in_block ? wire::txn::open : wire::txn::idle);
        return {0, act::reply, 0};
    }
    ready_withheld_ = false;
    // One who pipelines may have sent more already, that counts on what was lost: after
    // a lost BEGIN it would run on its own.
    const bool may_be_torn = pipelines_ || opener_.may_open();
    opener_.clear();
    if (in_block || may_be_torn)
        return fail_with(unknown_outcome("FATAL", last_words_.message));
    answer_requests(unknown_outcome("ERROR", last_words_.message));
    return {0, act::reply, 0};
}

/// The client's bytes wait still: nothing of them has been sent.
step session::restoration_lost() {
    phase_ = phase::ready;
    expected_.clear();
    if (++restorations_lost_ <= restorations_lost_max)
        return {0, act::acquire, 0};
    restorations_lost_ = 0;
    return refuse({"ERROR", wire::sqlstate::cannot_connect_now,
                   "no backend could be given this session's settings", last_words_.message});
}

/// One error and one ReadyForQuery for everything that would have had them; a
/// segment whose Sync has not come is skipped up to it, as PostgreSQL does.
void session::answer_requests(const wire::error_message& error) {
    out_.clear();
    while (!expected_.empty()) {
        if (!expected_.error_told())
            wire::append_error(out_, error);
        expected_.arrived('E');
        if (expected_.empty())
            break;
        wire::append_ready_for_query(out_, wire::txn::idle);
        expected_.arrived('Z');
    }
    if (expected_.segment_open()) {
        if (!expected_.error_told())
            wire::append_error(out_, error);
        phase_ = phase::lost_segment;
    }
    expected_.clear();
}

step session::refuse(const wire::error_message& why) {
    out_.clear();
    wire::append_error(out_, why);
    if (waiting_type_ == 'Q' || waiting_type_ == 'F') {
        wire::append_ready_for_query(out_, wire::txn::idle);
        pass_next_ = true;
    } else
        phase_ = phase::lost_segment;
    return {0, act::reply, 0};
}

step session::fail_with(const wire::error_message& error) {
    phase_ = phase::failed;
    out_.clear();
    if (!backend_body_relayed_)
        wire::append_error(out_, error);
    return {0, act::fail, 0};
}

step session::session_lost() {
    const auto lost = known_.lost_with_backend();
    const auto detail =
        (lost.empty() ? std::string{} : "Lost: " + lost + ". ") + last_words_.message;
    return fail_with({"FATAL", wire::sqlstate::admin_shutdown,
                      "session state was lost with its backend", detail, "Connect again."});
}

bool session::relies_on_lost_state(const wire::frame_header& header) const noexcept {
    const bool of_earlier_parse = bytes{"BD"}.find(header.type) != bytes::npos;
    return (of_earlier_parse && unnamed_.only_there()) || !known_.lost_with_backend().empty();
}

}  // namespace pgballast::session
