#include "pgballast/session/session.hpp"

#include <atomic>
#include <utility>

#include "catalog.hpp"

namespace pgballast::session {
namespace {

std::uint64_t next_tenancy() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

session::session(mode how, reported_ptr told, startup_settings_ptr startup,
                 std::uint32_t message_max, database_ptr about, statement_registry_ptr statements)
    : how_{how},
      message_max_{message_max},
      told_{std::move(told)},
      startup_told_{told_},
      startup_{std::move(startup)},
      about_{std::move(about)},
      known_{startup_, about_},
      statements_{std::move(statements)} {}

void session::attach(backend_state& backend) {
    assert(!backend_ && expected_.empty());
    backend_ = &backend;
    backend_->since_idle.forget();
    backend_used_ = false;
    restoration_failed_ = catalog_asked_ = shutdown_noticed_ = proved_ = own_failed_ = false;
    last_words_ = {};
    out_.clear();
    // The rest of a message to nobody, a notification say, is not for this client.
    backend_body_ = route::swallow;

    share_equal(backend.reported, told_);
    const bool stayed = as_left(backend);
    if (!stayed)
        plan_hand_over(backend);
    if (stayed || restoration_.text.empty()) {
        backend.applied = known_.settings();  // equal, and to be shared
        lost_while_idle_ = false;
    } else
        send_restoration(backend);
    if (how_ == mode::automatic)
        backend.tenancy = tenancy_ = next_tenancy();
    told_due_ = backend.reported != told_;
    if (stayed)
        return;
    unnamed_.left_behind();
    prepare_by_sql();
    open_block();
    prove();
}

/// AND CHAIN has promised one.
void session::open_block() {
    if (opening_.empty())
        return;
    wire::append_query(out_, opening_);
    expected_.sent_own_query(own::opening);
    phase_ = phase::restoring;
}

/// Before anything is run again the new backend is asked whether it may.
void session::prove() {
    if (!recovery_ || recovery_->proof.empty())
        return;
    wire::append_query(out_, recovery_->proof);
    expected_.sent_own_query(own::proof);
    phase_ = phase::restoring;
}

void session::send_restoration(const backend_state& backend) {
    wire::append_query(out_, restoration_.text);
    expected_.sent_own_query(own::restoration);
    const bool wait = restoration_.always_wait ||
                      (is_dirty(backend) && backend.cleaning_may_fail) ||
                      (restoration_.may_fail && !backend.accepted.contains(restoration_.text));
    phase_ = wait ? phase::restoring : phase::ready;
    lost_while_idle_ &= wait;
}

/// One Query each: the server then has the text that the client has sent. None of them is
/// waited for; what uses a statement that could not be prepared is told that there is none.
void session::prepare_by_sql() {
    for (const auto& one : known_.statements()) {
        wire::append_query(out_, one.text);
        expected_.sent_own_query(own::prepare);
    }
}

/// It is this client's, and nobody has had it since.
bool session::as_left(const backend_state& backend) const noexcept {
    return backend.tenancy != 0 && backend.tenancy == tenancy_;
}

/// In mode `automatic` the client before may have left anything that `portable` allows: it is
/// cleaned away, whether or not something is known of it.
bool session::is_dirty(const backend_state& backend) const noexcept {
    return how_ == mode::automatic && backend.tenancy != 0;
}

/// Fills `restoration_`, unless it is what was sent last.
void session::plan_hand_over(backend_state& backend) {
    const auto& settings = known_.settings();
    if (is_dirty(backend)) {
        planned now{backend.login_reported, told_, settings};
        if (planned_for_ != now)
            restoration_ = plan_clean_restoration(*now.at_login, *told_, *startup_told_, settings);
        planned_for_ = std::move(now);
    } else {
        planned_for_ = {};
        restoration_ = plan_restoration(*backend.reported, *told_, backend.applied,
                                        backend.applied_changed, settings);
        if (keeps_session())
            plan_explicit(restoration_, *backend.reported, *told_, *startup_told_);
    }
    if (std::exchange(backend.holds_sql_statements, false)) {
        planned_for_ = {};
        restoration_.text.insert(0, "deallocate all;");
        backend.statements->clear();
    }
    if (lost_while_idle_ && (known_.code_may_have_run() || known_.code_was_rolled_back())) {
        planned_for_ = {};
        restoration_.text.insert(0, question_about_code());
        restoration_.may_fail = restoration_.always_wait = catalog_asked_ = true;
    }
}

bool session::look(std::chrono::steady_clock::time_point now) {
    assert(is_idle() && backend_);
    if (!must_look() || unnamed_.only_there())
        return false;
    if (about_->known()) {
        ask(own::look, known_.begin_look(*backend_->reported));
        return true;
    }
    if (!about_->begin_survey(now))
        return false;
    surveyor_ = std::make_unique<surveyor>(about_->definitions(), now);
    ask(own::survey,
        std::string{catalog::holds_no_user_code} + catalog::code_that_may_change_sessions());
    return true;
}

/// Puts a query of our own into `out()`.
void session::ask(own what, bytes text) {
    own_failed_ = row_seen_ = false;
    unnamed_.left_behind();  // a simple query takes it away
    out_.clear();
    wire::append_query(out_, text);
    expected_.sent_own_query(what);
}

/// What has to be answered by yes before a lost session can be made again.
std::string session::question_about_code() const {
    if (!known_.code_may_have_run())
        return catalog::holds_no_code_with(catalog::locks, false);  // all else was rolled back
    return catalog::holds_no_code_with(known_.code_may_set() ? catalog::sets : catalog::keeps,
                                       true);
}

std::string session::carried() const {
    return names_of_own_settings(*backend_->login_reported, *told_, known_.settings());
}

void session::detach() noexcept {
    if (backend_) {
        backend_->cleaning_may_fail = cleaning_may_fail(known_.settings());
        backend_->holds_sql_statements = !known_.statements().empty();
    }
    backend_ = nullptr;
    idle_due_ = idle_withheld_ = false;
    if (surveyor_) {
        about_->survey_lost();
        surveyor_.reset();
    }
}

}  // namespace pgballast::session
