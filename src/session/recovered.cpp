// Behind a loss: the client's requests in a block that is gone, and what is run again.
#include <utility>

#include "loss_errors.hpp"
#include "pgballast/session/session.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::session {

/// The next message of a client whose transaction is lost.
step session::in_aborted_block(bytes in) {
    const auto header = client_.header(in, message_max_);
    if (!header)
        return protocol_violation("invalid message length");
    if (*header) {
        client_body_ = route::relay;
        if (auto stop = gate_type((*header)->type))
            return *stop;
    }
    const auto piece = client_.next(in, "QPBDECSHF", message_max_);
    if (piece->type == 0 || !piece->begins)
        return {0, act::drop, piece->used};
    if (!piece->ends)
        client_body_ = route::swallow;
    const bool untold = aborted_->untold();
    auto answer = aborted_->take(*piece, [&](bytes name) -> std::optional<bytes> {
        const auto definition = definition_of(name);
        return definition ? std::optional{wire::query_text(*definition)} : std::nullopt;
    });
    if (untold && !aborted_->untold())
        told(wire::sqlstate::serialization_failure);
    else if (untold && answer.what != aborted_block::then::stays)
        aftermath_ = aftermath::undone;
    return answered_in_block(std::move(answer), *piece);
}

step session::answered_in_block(aborted_block::answer answer,
                                const message_stream::piece& message) {
    using then = aborted_block::then;
    if (answer.passed)
        note_in_block(message);
    if (answer.what == then::again)
        opening_ = aborted_->opening();
    out_.clear();
    if (answer.what != then::stays) {
        append_taken_back(out_);
        aborted_.reset();
        txn_ = answer.what == then::again ? wire::txn::open : wire::txn::idle;
    }
    if (answer.what == then::over_skipped)
        phase_ = phase::lost_segment;
    if (!answer.left.empty())
        wire::append_query(refeed_, answer.left);
    out_.append(answer.reply);
    return {0, out_.empty() ? act::drop : act::reply, message.used};
}

/// A Parse or Close that has been answered: its client goes on to use that name.
void session::note_in_block(const message_stream::piece& message) {
    const auto about = wire::decode_subject(message.data);
    if (!about || !*about || !(*about)->statement)
        return;
    const auto name = *(*about)->statement;
    if (!name.empty())
        names_.deallocate(name);
    else
        unnamed_.dropped();
    if (message.type != 'P')
        return;
    const auto fields = wire::decode_parse(message.body());
    if (!fields)
        return;
    if (name.empty()) {
        unnamed_.parse_sent(fields->definition);
        unnamed_.parsed();
        unnamed_.left_behind();
        return;
    }
    names_.parse_sent(name, make_statement(name, fields->definition));
    names_.done();
}

/// A part of a reply is for the client, unless it has been told that by an earlier run.
/// Nothing returned: it is relayed as it is.
std::optional<step> session::tell(char type, bytes part, bool ends) {
    if (type == 'Z' || !backend_)
        return {};
    if (type == 'G' || type == 'W')
        backend_->since_idle.copies();
    backend_->since_idle.told(type, part);
    if (!recovery_ || !recovery_->passes_over())
        return {};
    if (type == 'N')
        return step{0, act::drop, 0};
    if (type == 'S' || type == 'A') {
        if (recovery_->mid_message)
            return replies_differ();  // it does not fit there
        return {};
    }
    return pass_over(part, ends);
}

/// … this instead.
step session::tell_instead(std::string message) {
    if (const auto stop = tell(message.front(), message, true))
        return *stop;
    out_ = std::move(message);
    return {0, act::send, 0};
}

std::optional<step> session::pass_over(bytes part, bool ends) {
    auto& of = *recovery_;
    const auto known = std::min(part.size(), of.told - of.passed_over);
    of.again.add(part.substr(0, known));
    of.passed_over += known;
    backend_body_relayed_ = of.mid_message;
    if (of.passes_over())
        return step{0, act::drop, 0};
    if (of.again.digest() != of.told_digest)
        return replies_differ();
    backend_body_relayed_ = !ends;
    if (known == part.size())
        return step{0, act::drop, 0};
    out_.assign(part.substr(known));
    return step{0, act::send, 0};
}

step session::replies_differ() {
    recovery_->differs = true;
    return violated("other replies than before the loss");
}

/// The new backend has answered whether what was lost may be run again.
step session::on_proved() {
    phase_ = phase::ready;
    const auto& of = *recovery_;
    if (proved_ && !own_failed_ && !of.tell_only) {
        recovery_->proof.clear();
        return {0, act::resume, 0};
    }
    const bool certain = proved_ && !own_failed_;
    recovery_.reset();
    const auto told = refuse_waiting(certain ? did_not_commit("") : unknown_outcome("ERROR", ""));
    if (told.what == act::fail)
        return told;
    resume_due_ = true;
    return {0, act::send, 0};
}

}  // namespace pgballast::session
