// A client whose backend is lost: until it is known how that ends for it.
#include <utility>

#include "pgballast/proxy/client.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/proxy/worker.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {

using session::act;
using clock = std::chrono::steady_clock;

namespace {

loss_outcome outcome_of(session::aftermath how, net::bytes sqlstate) {
    using session::aftermath;
    switch (how) {
        case aftermath::unsent:
            return loss_outcome::run_again_unsent;
        case aftermath::rolled_back:
            return loss_outcome::run_again_rolled_back;
        case aftermath::read_only:
            return loss_outcome::run_again_read_only;
        case aftermath::undone:
            return loss_outcome::rolled_back;
        case aftermath::told:
            break;
        default:
            return loss_outcome::restored;
    }
    if (sqlstate == wire::sqlstate::serialization_failure)
        return loss_outcome::told_40001;
    if (sqlstate == wire::sqlstate::outcome_unknown)
        return loss_outcome::told_08007;
    if (sqlstate == wire::sqlstate::cannot_connect_now)
        return loss_outcome::told_57P03;
    return sqlstate == wire::sqlstate::admin_shutdown ? loss_outcome::closed_57P01
                                                      : loss_outcome::told_other;
}

}  // namespace

/// Looks whether it is known by now how a loss has ended.
void client::settle_loss() {
    if (!lost_)
        return;
    const auto how = session_.take_aftermath();
    if (how != session::aftermath::none)
        loss_ended(outcome_of(how, session_.told_sqlstate()));
}

void client::loss_ended(loss_outcome how) {
    const auto lost = std::exchange(lost_, nullptr);
    auto& counters = pool_.counters;
    counters.losses[static_cast<std::size_t>(how)].add();
    (is_told(how) ? counters.losses_told : counters.losses_hidden).add();
    pool_.shared.stories().add({std::chrono::system_clock::now(), lost->why.message,
                                lost->why.sqlstate, how, lost->took()});
    log::write(is_told(how) ? log::level::warn : log::level::info,
               is_told(how) ? "a client was told that its backend was lost"
                            : "a client was spared the loss of its backend",
               {{"database", pool_.shared.settings().name},
                {"outcome", loss_outcome_names[static_cast<std::size_t>(how)]},
                {"sqlstate", lost->why.sqlstate},
                {"cause", lost->why.message},
                {"took", lost->took()}});
}

/// All runs of what was lost have to be done in the time that one client may wait.
session::circumstances client::circumstances(bool nothing_written) const {
    const auto& retry = pool_.shared.settings().retry;
    return {nothing_written, clock::now() - lost_->since < retry.wait_timeout,
            retry.lost_transaction == config::lost_transaction::close,
            pool_.shared.settings().neon_pooler == config::neon_pooler::keep};
}

void client::on_backend_lost(session::loss why, bool nothing_written) {
    lent_ = nullptr;
    cancel_due_ = false;
    const bool was_restoring = std::exchange(restoring_, false);
    if (!lost_)
        lost_ = std::make_unique<lost_backend>();
    lost_->why = why;
    const auto step = session_.backend_lost(std::move(why), circumstances(nothing_written));
    if (step.what == act::fail)
        return fail();
    if (step.what == act::reply) {
        socket_.send(session_.out());
        settle_loss();
    }
    if (step.what == act::again)
        held_.insert(0, session_.out());
    if (stage_ != stage::serving)
        return finish();
    if (step.what == act::acquire && !acquire())
        return;
    if (was_restoring || !held_.empty() || session_.holds_message())
        return feed_held();
    resume_reading();
    if (draining_ && stage_ == stage::serving)
        drain(false);
}

/// After a loss it has a backend again that is as it left the last one.
void client::carried_over() {
    settle_loss();  // the new backend may have answered that its request is not run again
    if (!lost_)
        return;
    log::info("session carried over to a new backend", {{"database", pool_.shared.settings().name},
                                                        {"restored", session_.carried()},
                                                        {"took", lost_->took()}});
    if (!session_.runs_again())
        loss_ended(loss_outcome::restored);
}

}  // namespace pgballast::proxy
