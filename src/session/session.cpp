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
    out_.clear();

    auto plan = plan_restoration(*backend.reported, *told_, backend.applied, startup_);
    if (lost_while_idle_ && code_may_run_) {
        plan.text.insert(0, catalog::holds_no_user_code);
        plan.may_fail = plan.always_wait = catalog_asked_ = true;
    }
    backend.applied = startup_;
    told_due_ = backend.reported != told_;
    if (plan.text.empty()) {
        lost_while_idle_ = false;
        return;
    }

    wire::append_query(out_, plan.text);
    expected_.sent_own_query();
    restoration_failed_ = false;
    last_words_ = {};
    const bool wait = plan.always_wait || (plan.may_fail && !backend.accepted.contains(plan.text));
    phase_ = wait ? phase::restoring : phase::ready;
    restoration_ = std::move(plan.text);
}

void session::detach() noexcept {
    backend_ = nullptr;
    idle_due_ = false;
}

}  // namespace pgballast::session
