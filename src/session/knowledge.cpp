#include "pgballast/session/knowledge.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <boost/algorithm/string/predicate.hpp>
#include <utility>

namespace pgballast::session {
namespace {

constexpr const char* what_was_not_looked_at = "what nobody has looked at";

}  // namespace

knowledge::knowledge(startup_settings_ptr startup, database_ptr about)
    : startup_{std::move(startup)}, settings_{startup_}, about_{std::move(about)} {}

void knowledge::runs(const sql::text_facts& text) {
    if (text.left == sql::trace::none)
        return;
    if (text.left == sql::trace::unknown) {
        hidden_ = true;
        note_names(text.names);
        note_lasting(text);
        if (text.may_define)
            about_->defined();
    }
    code_may_run_ = code_unseen_ = true;
    if (text.moves_sequence && about_->reads_sequences())
        lasting_ |= sequence_values;
}

void knowledge::prepares(const sql::text_facts& text) noexcept {
    prepared_ = std::max(prepared_, text.left);
}

void knowledge::runs_prepared() noexcept {
    hidden_ |= prepared_ == sql::trace::unknown;
    if (prepared_ != sql::trace::none)
        code_may_run_ = code_unseen_ = true;
}

void knowledge::runs_part(wire::bytes part, bool first) {
    if (first) {
        runs_anything();
        end_of_part_.clear();
    }
    end_of_part_.append(part);
    const auto facts = sql::facts_of_function(end_of_part_, "sql");
    note_names(facts.names);
    note_lasting(facts);
    constexpr std::size_t words_max = 256;
    if (end_of_part_.size() > words_max)
        end_of_part_.erase(0, end_of_part_.size() - words_max);
}

void knowledge::runs_anything() {
    hidden_ = code_may_run_ = code_unseen_ = true;
    prepared_ = sql::trace::unknown;
    about_->defined();
}

void knowledge::discarded_all() {
    hidden_ = code_may_run_ = code_unseen_ = false;
    lasting_ = 0;
    prepared_ = sql::trace::none;
    pin_.clear();
    settings_ = startup_;
}

bool knowledge::must_look() {
    if (hidden_ || !code_unseen_)
        return hidden_;
    const auto known = about_->known();
    code_unseen_ = !known || known->holds_code;
    return code_unseen_;
}

std::string knowledge::lost_with_backend() const {
    auto lost = pin();
    if (hidden_ || hidden_before_)
        lost += (lost.empty() ? "" : ", ") + std::string{what_was_not_looked_at};
    return lost;
}

std::string knowledge::pin() const {
    const auto others = names_of(lasting_);
    return pin_.empty() || others.empty() ? pin_ + others : pin_ + ", " + others;
}

std::string knowledge::names_of(unsigned bits) {
    static constexpr const char* names[] = {
        "values of sequences", "a seed of random()", "loaded libraries",
        "settings whose names are not known", "prepared statements"};
    std::vector<std::string> set;
    for (unsigned bit = 0; bit < std::size(names); ++bit)
        if ((bits >> bit & 1) != 0)
            set.emplace_back(names[bit]);
    return boost::algorithm::join(set, ", ");
}

std::string knowledge::begin_look(const reported& by_server) {
    hidden_before_ = std::exchange(hidden_, false);
    code_before_ = std::exchange(code_unseen_, false);
    if (const auto known = about_->known(); known && known->holds_code) {
        note_names(known->of_code.names);
        note_lasting(known->of_code);
    }
    names_looked_.clear();
    std::ranges::copy_if(names_, std::back_inserter(names_looked_), [&](const auto& name) {
        const auto canonical = reported_name(name);
        return canonical.empty() || !by_server.find(canonical);
    });
    return look_query(names_looked_);
}

void knowledge::looked(wire::bytes row, wire::bytes login_user, bool same_encoding) {
    auto seen = decode_look(row, names_looked_, login_user, same_encoding);
    if (!seen)
        return look_failed();
    code_may_run_ = code_unseen_;  // what ran before has been seen
    hidden_before_ = code_before_ = false;
    pin_ = std::move(seen->pin);
    take(std::move(seen->values));
}

/// Startup settings come first, each with the value it has now.
void knowledge::take(startup_settings values) {
    startup_settings all;
    if (startup_)
        for (const auto& [name, value] : *startup_)
            if (std::ranges::none_of(values, [&](const auto& one) {
                    return boost::algorithm::iequals(one.first, name);
                }))
                all.emplace_back(name, value);
    all.insert(all.end(), std::make_move_iterator(values.begin()),
               std::make_move_iterator(values.end()));
    if (settings_ ? *settings_ == all : all.empty())
        return;  // backends compare pointers
    settings_ = std::make_shared<const startup_settings>(std::move(all));
}

void knowledge::look_failed() {
    hidden_before_ = code_before_ = false;
    pin_ = what_was_not_looked_at;
}

void knowledge::look_lost() noexcept {
    hidden_ |= std::exchange(hidden_before_, false);
    code_unseen_ |= std::exchange(code_before_, false);
}

void knowledge::note_names(const std::vector<std::string>& names) {
    for (const auto& name : names) {
        if (std::ranges::find(names_, name) != names_.end())
            continue;
        if (names_.size() >= names_max)
            lasting_ |= unknown_setting;
        else
            names_.push_back(name);
    }
}

void knowledge::note_lasting(const sql::text_facts& text) {
    lasting_ |= (text.reads_sequence ? sequence_values : 0u) |
                (text.seeds_random ? random_seed : 0u) | (text.loads_library ? library : 0u) |
                (text.unknown_name ? unknown_setting : 0u);
    if (text.reads_sequence)
        about_->sequences_are_read();
}

}  // namespace pgballast::session
