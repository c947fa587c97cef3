#include "pgballast/session/survey.hpp"

#include <algorithm>
#include <utility>

#include "data_row.hpp"

namespace pgballast::session {
namespace {

/// More names than these are not read back one by one.
constexpr std::size_t names_max = 64;

void add_names(sql::text_facts& all, const sql::text_facts& one) {
    for (const auto& name : one.names)
        if (std::ranges::find(all.names, name) == all.names.end())
            all.names.push_back(name);
    all.unknown_name |= all.names.size() > names_max;
    all.names.resize(std::min(all.names.size(), names_max));
}

void add_lasting(sql::text_facts& all, const sql::text_facts& one) {
    all.unknown_name |= one.unknown_name;
    all.reads_sequence |= one.reads_sequence;
    all.seeds_random |= one.seeds_random;
    all.loads_library |= one.loads_library;
}

bool leaves_what_lasts(const sql::text_facts& one) {
    return one.unknown_name || one.reads_sequence || one.seeds_random || one.loads_library;
}

}  // namespace

survey_ptr database::known() const {
    const std::lock_guard lock{mutex_};
    return latest_ && latest_->definitions == definitions() ? latest_ : nullptr;
}

void database::forget_what_is_old(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock{mutex_};
    if (latest_ && now - latest_->taken_at > survey_age_max)
        latest_.reset();
}

bool database::begin_survey(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock{mutex_};
    if (now < next_survey_)
        return false;
    next_survey_ = now + survey_age_max;
    return true;
}

void database::learned(survey_ptr what) {
    const std::lock_guard lock{mutex_};
    latest_ = std::move(what);
    next_survey_ = {};
}

void database::survey_failed(std::chrono::steady_clock::time_point begun) {
    const std::lock_guard lock{mutex_};
    next_survey_ = begun + survey_pause;
}

void database::survey_lost() {
    const std::lock_guard lock{mutex_};
    next_survey_ = {};
}

surveyor::surveyor(std::uint64_t definitions, std::chrono::steady_clock::time_point now) {
    found_.definitions = definitions;
    found_.taken_at = now;
}

void surveyor::row(wire::bytes body) {
    const auto fields = decode_data_row(body);
    if (!answered_) {  // the first one answers catalog::holds_no_user_code
        answered_ = fields.size() == 1 && fields[0];
        found_.holds_code = !answered_ || *fields[0] != "t";
        return;
    }
    if (fields.size() != 4 || !fields[0] || !fields[1] || !fields[2] || !fields[3])
        return unread_row();
    auto facts = sql::facts_of_function(*fields[1], *fields[2]);
    add_names(found_.of_code, facts);
    if (*fields[3] == "t")
        add_lasting(found_.of_code, facts);
    else if (leaves_what_lasts(facts))
        found_.by_name.emplace_back(std::string{*fields[0]}, std::move(facts));
}

survey_ptr surveyor::finish() {
    return answered_ ? std::make_shared<const survey>(std::move(found_)) : nullptr;
}

}  // namespace pgballast::session
