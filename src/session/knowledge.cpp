#include "pgballast/session/knowledge.hpp"

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <utility>

#include "pgballast/session/statements.hpp"
#include "pgballast/sql/words.hpp"

namespace pgballast::session {
namespace {

constexpr const char* what_was_not_looked_at = "what nobody has looked at";

}  // namespace

knowledge::knowledge(startup_settings_ptr startup, database_ptr about)
    : startup_{std::move(startup)}, settings_{startup_}, about_{std::move(about)} {}

void knowledge::runs(wire::bytes text, const sql::text_facts& facts) {
    if (facts.left == sql::trace::unknown) {
        note(facts);
        changed_by_name_ |= !facts.names.empty();
    }
    if (facts.moves_sequence && about_->reads_sequences())
        lasting_ |= sequence_values;
    runs_again(text, facts.left);
}

void knowledge::note(const sql::text_facts& facts) {
    note_names(facts.names);
    note_lasting(facts);
    if (facts.may_define)
        about_->defined();
}

void knowledge::prepares(sql_statements::statement one, const sql::text_facts& facts) {
    note(facts);
    keep_text(one.text);  // EXECUTE will not name what it does
    gave_up_ = false;
    statements_.sent(std::move(one));
}

void knowledge::runs_again(wire::bytes text, sql::trace left) {
    statements_.other_sent();
    gave_up_ = false;
    if (left == sql::trace::none)
        return;
    code_may_run_ = code_unseen_ = true;
    if (left != sql::trace::unknown)
        return;
    hidden_ = true;
    keep_text(text);
}

/// More than this is taken to name anything.
void knowledge::keep_text(wire::bytes text) {
    constexpr std::size_t kept_max = 8 * 1024;
    if (unseen_.size() <= kept_max)
        unseen_.append(text.substr(0, kept_max)).push_back(' ');
    too_much_unseen_ |= unseen_.size() > kept_max;
}

bool knowledge::may_name(wire::bytes function) const {
    const auto names_it = [&](wire::bytes text) {
        return sql::contains_folded(text, function) ||
               sql::contains_folded(text, "u&");  // an escaped name
    };
    // EXECUTE runs what an earlier text has named.
    return too_much_unseen_ || names_it(unseen_) ||
           std::ranges::any_of(statements(), names_it, &sql_statements::statement::text);
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
    statements_.other_sent();
    gave_up_ = false;
    hidden_ = code_may_run_ = code_unseen_ = too_much_unseen_ = true;
    about_->defined();
}

void knowledge::rolled_back(bool wholly) {
    if (!before_)
        return;
    code_rolled_back_ |= code_may_run_ && !before_->code_may_run;
    const auto may_lock = [](wire::bytes text) { return sql::contains_folded(text, "advisory"); };
    if (!wholly || std::ranges::any_of(statements(), may_lock, &sql_statements::statement::text))
        return;
    hidden_ = before_->hidden;
    code_may_run_ = before_->code_may_run;
    code_unseen_ = before_->code_unseen;
    changed_by_name_ = before_->changed_by_name;
}

void knowledge::discarded_all() {
    hidden_ = code_may_run_ = code_unseen_ = false;
    lasting_ = 0;
    pin_.clear();
    statements_.clear();
    gave_up_ = false;
    settings_ = startup_;
}

bool knowledge::must_look() {
    if (gave_up_)
        return false;
    const bool for_certain = hidden_ || statements_.unseen();
    if (for_certain || !code_unseen_)
        return for_certain;
    const auto known = about_->known();
    code_unseen_ = !known || known->holds_code;
    return code_unseen_;
}

bool knowledge::settings_are_certain() const {
    if (hidden_ || hidden_before_ || (lasting_ & unknown_setting) != 0)
        return false;
    return !(code_unseen_ || code_before_) || !code_may_change_parsing();
}

std::string knowledge::fingerprint(const reported& told) const {
    static const startup_settings none;
    return fingerprint_of(told, settings_ ? *settings_ : none);
}

bool knowledge::code_may_set() const {
    const auto known = about_->known();
    if (!known)
        return true;
    const auto& code = known->of_code;
    return known->holds_code && (code.unknown_name || !code.names.empty() || code.reads_sequence ||
                                 code.seeds_random || code.loads_library);
}

bool knowledge::code_may_change_parsing() const {
    const auto known = about_->known();
    return !known || (known->holds_code &&
                      (known->of_code.unknown_name ||
                       std::ranges::any_of(known->of_code.names, is_looked_at_by_parse) ||
                       std::ranges::any_of(known->by_name, [](const auto& one) {
                           return one.second.unknown_name;
                       })));
}

std::string knowledge::lost_with_backend() const {
    auto lost = pin();
    if (hidden_ || hidden_before_ || statements_.unseen() || statements_before_)
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
    statements_before_ = statements_.begin_look();
    code_before_ = std::exchange(code_unseen_, false);
    if (const auto known = about_->known(); known && known->holds_code) {
        note_names(known->of_code.names);
        note_lasting(known->of_code);
        for (const auto& [name, facts] : known->by_name)
            if (may_name(name))
                note_lasting(facts);
    }
    unseen_.clear();
    too_much_unseen_ = changed_by_name_ = false;
    names_looked_.clear();
    std::ranges::copy_if(names_, std::back_inserter(names_looked_), [&](const auto& name) {
        const auto canonical = reported_name(name);
        return !is_identity(name) && (canonical.empty() || !by_server.find(canonical));
    });
    return look_query(names_looked_);
}

void knowledge::looked(wire::bytes row, wire::bytes login_user, const reported& told) {
    auto seen = decode_look(row, names_looked_, login_user);
    if (!seen)
        return look_failed();
    code_may_run_ = code_unseen_;  // what ran before has been seen
    hidden_before_ = code_before_ = statements_before_ = false;
    pin_ = std::move(seen->pin);
    take(std::move(seen->values));
    if (!statements_.seen(seen->statements, fingerprint(told)))
        pin_ += (pin_.empty() ? "" : ", ") + names_of(kept_statement);
}

/// Startup settings come first, each with the value it has now; who one is has been looked at.
void knowledge::take(startup_settings values) {
    startup_settings all;
    if (startup_)
        for (const auto& wanted : *startup_)
            if (!is_identity(wanted.first) && std::ranges::none_of(values, [&](const auto& one) {
                    return sql::same_name(one.first, wanted.first);
                }))
                all.push_back(wanted);
    all.insert(all.end(), std::make_move_iterator(values.begin()),
               std::make_move_iterator(values.end()));
    if (settings_ ? *settings_ == all : all.empty())
        return;  // backends compare pointers
    settings_ = std::make_shared<const startup_settings>(std::move(all));
}

void knowledge::look_failed() {
    look_lost();
    statements_.look_failed();
    pin_ = what_was_not_looked_at;
    gave_up_ = true;
}

void knowledge::look_lost() noexcept {
    if (std::exchange(hidden_before_, false))
        hidden_ = too_much_unseen_ = true;
    code_unseen_ |= std::exchange(code_before_, false);
    if (std::exchange(statements_before_, false))
        statements_.look_lost();
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
