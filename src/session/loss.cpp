// When a backend is lost, or none can be had: what becomes of what was under way, and what the
// client is told.
#include <algorithm>
#include <utility>

#include "loss_errors.hpp"
#include "pgballast/session/opening.hpp"
#include "pgballast/session/proof.hpp"
#include "pgballast/session/session.hpp"
#include "pgballast/sql/grammar.hpp"
#include "pgballast/sql/read_only.hpp"
#include "pgballast/sql/words.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {
namespace {

/// The question that has to be answered by yes first, empty if there is none. Nothing if the
/// answer is no.
std::optional<std::string> proof_for(recourse how, const request& of) {
    switch (how) {
        case recourse::if_rolled_back:
        case recourse::tell_if_rolled_back:
            return rolls_back_whole_query();
        case recourse::if_read_only: {
            const auto mentions = sql::mentions_of_select(wire::query_text(of.runs.front()));
            return mentions ? reads_only_query(*mentions, wire::parameter_types(of.runs.front()))
                            : std::nullopt;
        }
        default:
            return std::string{};
    }
}

}  // namespace

step session::backend_lost(loss why, const circumstances& at) {
    if (!why.sqlstate.empty() || last_words_.sqlstate.empty())
        last_words_ = std::move(why);
    last_words_.by_error &= !at.may_make_up;
    aftermath_ = aftermath::none;  // of an earlier refusal
    const auto was = std::move(backend_->since_idle);
    backend_ = nullptr;
    detach();
    if (phase_ == phase::failed)
        return {0, act::drop, 0};
    forget_what_was_under_way();
    if (phase_ == phase::restoring)
        return restoration_lost();

    const auto before = std::exchange(txn_, wire::txn::idle);
    const bool in_block = before != wire::txn::idle;
    const bool withheld = std::exchange(ready_withheld_, false);
    const auto find = [&](bytes name) { return definition_of(name); };
    const auto transaction = requests_in(was.transaction(), find);
    if (in_block || !was.complete() || !was.unanswered().empty())
        known_.rolled_back(
            was.transaction_complete() &&
            std::none_of(transaction.begin(), transaction.end(), may_outlive_rollback));
    known_.look_lost();  // behind that: what the look was to see had been done before
    if (!was.complete())
        return unreadable_lost(in_block);
    if (phase_ != phase::lost_segment)
        phase_ = phase::ready;
    const bool owed = expected_.owes() || !front_.empty();
    expected_.clear();
    front_.clear();
    client_body_ = route::relay;
    auto unfinished = client_.take_unfinished();
    if (!was.unanswered().empty()) {
        unfinished.insert(0, was.unanswered());
        const auto lost = requests_in(unfinished, find);
        const bool in_use = in_block && (owed || !lost.front().partial.empty());
        if (in_use || !in_block) {
            const auto next =
                in_use ? block_lost_in_use(before, was, opening_of(transaction), lost, at)
                       : requests_lost(was, lost, at);
            return withheld ? tell_withheld(before, next) : next;
        }
        if (may_have_effect(lost, before))  // and been told so, by Flush
            return outcome_unknown(lost, was.so_far(), true);
        unfinished.clear();  // all of it has been answered: it is for the next message to hear
    }
    if (in_block)
        block_lost(before, opening_of(transaction), at);
    if (!unfinished.empty()) {
        out_ = std::move(unfinished);
        return {0, act::again, 0};
    }
    out_.clear();
    if (withheld)
        wire::append_ready_for_query(out_, before);
    return {0, withheld ? act::reply : act::drop, 0};
}

void session::forget_what_was_under_way() {
    lost_while_idle_ = keeps_session();
    told_due_ = reset_seen_ = to_run_afresh_ = ran_afresh_ = false;
    resets_ = {};
    known_.prepares_no_more();
    names_.backend_lost();
    unnamed_.left_behind();
    deallocates_ = front_due_ = resume_due_ = sets_in_block_ = false;
    deallocating_.clear();
}

/// The ReadyForQuery of what came before those requests.
step session::tell_withheld(wire::txn status, step next) {
    if (next.what == act::fail)
        return next;
    if (next.what == act::again)
        refeed_ = std::exchange(out_, {});
    std::string ready;
    wire::append_ready_for_query(ready, status);
    out_.insert(0, ready);
    return {0, act::reply, 0};
}

/// Requests outside a block.
step session::requests_lost(const transcript& was, const std::vector<request>& lost,
                            const circumstances& at) {
    if (recovery_ && recovery_->differs)
        return second_run_differs(lost);
    if (was.so_far().error)  // so it is known what became of the first
        return outcome_unknown(lost, was.so_far(), false);
    evidence of{at.nothing_written, died_by_administrator(), was.so_far()};
    if (recovery_)
        of.so_far.rows |= recovery_->rows_told;
    auto how = recourse_for(lost, of);
    const auto proof = proof_for(how, lost.front());
    if (!proof || (how != recourse::run_again && !known_.lost_with_backend().empty()))
        how = recourse::unknown;
    const bool again =
        at.may_run_again && (!recovery_ || recovery_->attempts < recovery::attempts_max);
    if (how != recourse::unknown && again)
        return run_again(was, lost, how, *proof);
    recovery_.reset();
    if (how == recourse::run_again)
        return first_did_not_run(lost, was.so_far());
    return outcome_unknown(lost, was.so_far(), false);
}

/// What follows a BEGIN must not run on its own.
step session::first_did_not_run(const std::vector<request>& lost,
                                const transcript::replies& so_far) {
    const auto in_block = in_block_behind(lost.front(), false);
    if (!in_block && lost.size() > 1)
        return torn();
    return tell_first(lost, so_far, did_not_commit(last_words_.message), in_block.value_or(false));
}

step session::run_again(const transcript& was, const std::vector<request>& lost, recourse how,
                        std::string proof) {
    if (!recovery_)
        recovery_ = std::make_unique<recovery>();
    auto& now = *recovery_;
    ++now.attempts;
    now.tell_only = how == recourse::tell_if_rolled_back;
    now.how = how == recourse::run_again      ? aftermath::unsent
              : how == recourse::if_read_only ? aftermath::read_only
                                              : aftermath::rolled_back;
    now.proof = std::move(proof);
    now.hear(was, backend_body_relayed_);
    for (const auto& one : lost)
        for (const auto& name : one.prepares)
            names_.deallocate(name);
    out_ = all_of(lost);
    return {0, act::again, 0};
}

/// A transaction block in which nothing was under way.
void session::block_lost(wire::txn before, std::string opening, const circumstances& at) {
    if (at.close_lost_blocks) {
        closes_ = last_words_.message;
        return;
    }
    abort_block(before == wire::txn::failed ? std::nullopt : std::optional{lost_transaction()},
                std::move(opening));
}

/// … or something was.
step session::block_lost_in_use(wire::txn before, const transcript& was, std::string opening,
                                const std::vector<request>& lost, const circumstances& at) {
    const std::span read{lost.data(), died_by_administrator() ? 1 : lost.size()};
    if (!at.nothing_written && may_have_effect(read, before))
        return outcome_unknown(lost, was.so_far(), true);
    block_lost(before, std::move(opening), at);
    if (closes_)
        return lost_block_closes();
    if (was.so_far().size == 0) {
        out_ = all_of(lost);
        return {0, act::again, 0};
    }
    const auto news = lost_transaction();
    abort_block(std::nullopt, aborted_->opening());
    return tell_first(lost, was.so_far(),
                      {"ERROR", news.sqlstate, news.message, news.detail, news.hint}, true);
}

step session::lost_block_closes() {
    told(wire::sqlstate::admin_shutdown);
    return fail_with({"FATAL", wire::sqlstate::admin_shutdown,
                      "the transaction was lost with its backend and did not commit", *closes_,
                      "Connect again."});
}

/// Nobody can tell whether they ran. The first one can have, or all of them; those that the
/// backend has not read are run now.
step session::outcome_unknown(const std::vector<request>& lost, const transcript::replies& so_far,
                              bool in_block) {
    const auto unknown = unknown_outcome("ERROR", last_words_.message);
    if (died_by_administrator()) {
        const auto behind = in_block_behind(lost.front(), in_block);
        if (!behind && lost.size() > 1)
            return torn();
        return tell_first(lost, so_far, unknown, behind.value_or(in_block));
    }
    std::string out;
    bool error_told = so_far.error;
    for (const auto& one : lost) {
        if (one.all.size() == one.partial.size())
            break;  // not run, and fed again
        const auto behind = in_block_behind(one, in_block);
        if (!behind && (lost.size() > 1 || pipelines_))
            return torn();
        in_block = behind.value_or(in_block);
        if (!std::exchange(error_told, false))
            wire::append_error(out, unknown);
        if (one.ended)
            wire::append_ready_for_query(out, in_block ? wire::txn::failed : wire::txn::idle);
    }
    const auto& last = lost.back();
    refeed_ = last.partial;
    const bool ended = last.ended || last.all.size() == last.partial.size();
    return tell_and_go_on(std::move(out), ended, in_block, unknown.sqlstate);
}

/// Tells of the first request; the others are fed again.
step session::tell_first(const std::vector<request>& lost, const transcript::replies& so_far,
                         const wire::error_message& error, bool in_block) {
    const auto& first = lost.front();
    std::string out;
    if (!so_far.error)
        wire::append_error(out, error);
    if (first.ended)
        wire::append_ready_for_query(out, in_block ? wire::txn::failed : wire::txn::idle);
    refeed_ = all_of(lost).substr(first.all.size() - first.partial.size());
    return tell_and_go_on(std::move(out), first.ended, in_block, error.sqlstate);
}

/// `ended`: else the client's messages up to Sync are for nobody.
step session::tell_and_go_on(std::string out, bool ended, bool in_block, bytes sqlstate) {
    told(sqlstate);
    if (!out.starts_with('E'))  // it had been, by the server
        aftermath_ = aftermath::restored;
    if (backend_body_relayed_)
        return fail_with({});
    if (in_block && !aborted_)
        abort_block(std::nullopt, {});
    out_.clear();
    if (!in_block)
        append_taken_back(out_);
    if (!ended && aborted_)
        aborted_->skip_to_sync();
    else if (!ended)
        phase_ = phase::lost_segment;
    out_.append(out);
    return {0, act::reply, 0};
}

/// What the client has set in a transaction that is gone is as it was before.
void session::append_taken_back(std::string& out) {
    const auto before = std::exchange(told_before_, nullptr);
    if (!before)
        return;
    append_changes(out, *told_, *before);
    told_ = before;
}

/// One who pipelines may have sent more already, that counts on what was lost: after a lost
/// BEGIN it would run on its own.
step session::torn() {
    told(wire::sqlstate::outcome_unknown);
    return fail_with(unknown_outcome("FATAL", last_words_.message));
}

/// Too much was sent to be kept, or a COPY was under way.
step session::unreadable_lost(bool in_block) {
    expected_.settle();
    if (!front_.empty())  // one that waits, or whose names have not been whole
        expected_.sent(front_.front());
    front_.clear();
    if (client_.gathering())  // begun, and nothing of it sent: it is lost like the rest
        expected_.sent(client_.type());
    if (client_.within_message())
        client_body_ = route::swallow;
    phase_ = phase::ready;
    recovery_.reset();
    if (expected_.all_done() && !in_block)
        return {0, act::drop, 0};
    if (expected_.all_done()) {
        abort_block(lost_transaction(), {});
        return {0, act::drop, 0};
    }
    if (pipelines_ || backend_body_relayed_)
        return torn();
    return answer_requests(unknown_outcome("ERROR", last_words_.message), in_block);
}

/// One error and one ReadyForQuery for everything that would have had them; a
/// segment whose Sync has not come is skipped up to it, as PostgreSQL does.
step session::answer_requests(const wire::error_message& error, bool in_block) {
    const auto status = in_block ? wire::txn::failed : wire::txn::idle;
    std::string out;
    while (!expected_.empty()) {
        if (!expected_.error_told())
            wire::append_error(out, error);
        expected_.arrived('E');
        if (expected_.empty())
            break;
        wire::append_ready_for_query(out, status);
        expected_.arrived('Z');
    }
    const bool open = expected_.segment_open();
    if (open && !expected_.error_told())
        wire::append_error(out, error);
    expected_.clear();
    return tell_and_go_on(std::move(out), !open, in_block, error.sqlstate);
}

step session::second_run_differs(const std::vector<request>& lost) {
    const bool read_only = recovery_->how == aftermath::read_only;
    recovery_.reset();
    if (!read_only || lost.size() > 1)
        return outcome_unknown(lost, {}, false);
    return tell_first(lost, {},
                      {"ERROR", wire::sqlstate::serialization_failure,
                       "the backend was lost, and to run the query again gave other rows",
                       last_words_.message, "Run it again."},
                      false);
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

/// What is to be run again may have run, until the opposite is proved.
step session::refuse(const wire::error_message& why) {
    const bool unproved = recovery_ && !recovery_->proof.empty();
    recovery_.reset();
    auto error = unproved ? unknown_outcome(why.severity, why.message) : why;
    if (txn_ != wire::txn::idle && !aborted_) {  // a promised block, see `open_block`
        opening_.clear();
        abort_block(std::nullopt, {});
    }
    return refuse_waiting(error);
}

/// Tells the message that waits, and passes over it.
step session::refuse_waiting(const wire::error_message& why) {
    told(why.sqlstate);
    if (backend_body_relayed_)
        return fail_with(why);
    out_.clear();
    wire::append_error(out_, why);
    if (waiting_type_ == 'Q' || waiting_type_ == 'F') {
        wire::append_ready_for_query(out_, txn_);
        pass_next_ = true;
    } else if (aborted_)
        aborted_->skip_to_sync();
    else
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
    told(wire::sqlstate::admin_shutdown);
    return fail_with({"FATAL", wire::sqlstate::admin_shutdown,
                      "session state was lost with its backend", detail, "Connect again."});
}

bool session::relies_on_lost_state(const wire::frame_header& header) const noexcept {
    const bool of_earlier_parse = bytes{"BD"}.find(header.type) != bytes::npos;
    return (of_earlier_parse && unnamed_.only_there()) || !known_.lost_with_backend().empty();
}

/// Its FATAL error is a rollback, and it has read nothing more. Not so behind a warning, which
/// an immediate stop sends even after a commit.
bool session::died_by_administrator() const noexcept {
    return last_words_.by_error && last_words_.sqlstate == wire::sqlstate::admin_shutdown;
}

std::optional<bytes> session::definition_of(bytes name) const {
    if (name.empty())
        return unnamed_.definition().empty() ? std::nullopt
                                             : std::optional<bytes>{unnamed_.definition()};
    const auto meaning = names_.find(name);
    return meaning.statement ? std::optional<bytes>{meaning.statement->definition} : std::nullopt;
}

void session::abort_block(std::optional<aborted_block::news> untold, std::string opening) {
    aborted_ = std::make_unique<aborted_block>(std::move(untold), std::move(opening));
    txn_ = wire::txn::failed;
}

aborted_block::news session::lost_transaction() const {
    return {std::string{wire::sqlstate::serialization_failure},
            "the transaction was lost with its backend and did not commit", last_words_.message,
            "Roll back and run the transaction again."};
}

void session::told(bytes sqlstate) {
    aftermath_ = aftermath::told;
    told_sqlstate_ = sqlstate;
}

}  // namespace pgballast::session
