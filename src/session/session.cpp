#include "pgballast/session/session.hpp"

#include <utility>

#include "catalog.hpp"

namespace pgballast::session {

session::session(mode how, reported_ptr told, startup_settings_ptr startup,
                 std::uint32_t message_max)
    : how_{how}, message_max_{message_max}, told_{std::move(told)}, startup_{std::move(startup)} {}

void session::attach(backend_state& backend) {
    assert(!backend_ && expected_.empty());
    backend_ = &backend;
    backend_used_ = false;
    restoration_failed_ = catalog_asked_ = false;
    last_words_ = {};
    out_.clear();
    // The rest of a message to nobody, a notification say, is not for this client.
    backend_body_ = route::swallow;

    auto plan = plan_restoration(*backend.reported, *told_, backend.applied,
                                 backend.applied_changed, startup_);
    if (lost_while_idle_ && code_may_run_) {
        plan.text.insert(0, catalog::holds_no_user_code);
        plan.may_fail = plan.always_wait = catalog_asked_ = true;
    }
    told_due_ = backend.reported != told_;
    if (plan.text.empty()) {
        backend.applied = startup_;  // equal, and to be shared
        lost_while_idle_ = false;
        return;
    }

    wire::append_query(out_, plan.text);
    expected_.sent_own_query();
    const bool wait = plan.always_wait || (plan.may_fail && !backend.accepted.contains(plan.text));
    phase_ = wait ? phase::restoring : phase::ready;
    lost_while_idle_ &= wait;
    restoration_ = std::move(plan.text);
}

std::string session::carried() const {
    return names_of_own_settings(*backend_->login_reported, *told_, startup_);
}

void session::detach() noexcept {
    backend_ = nullptr;
    idle_due_ = idle_withheld_ = false;
}

}  // namespace pgballast::session
