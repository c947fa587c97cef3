// What is known of a client's session beyond what servers report, and what has to be
// looked at before it can be carried to another backend.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pgballast/session/look.hpp"
#include "pgballast/session/survey.hpp"
#include "pgballast/sql/text_facts.hpp"

namespace pgballast::session {

class knowledge {
 public:
    /// Names of settings that are read back at most; who changes more keeps its backend.
    static constexpr std::size_t names_max = 64;

    knowledge(startup_settings_ptr startup, database_ptr about);

    /// The client has sent a text, of which these are the facts.
    void runs(wire::bytes text, const sql::text_facts& facts);

    /// It has sent a text that does nothing but PREPARE, while nothing was in flight.
    void prepares(sql_statements::statement one, const sql::text_facts& facts);
    void prepared() { statements_.completed(); }
    void prepares_no_more() noexcept { statements_.ended(); }
    void doubt_statements() noexcept { statements_.doubt(); }

    /// It runs a statement that was prepared before, whose facts were told then.
    void runs_again(wire::bytes text, sql::trace left);

    void keeps_statement() noexcept { lasting_ |= kept_statement; }

    /// A part of a text that is too large to be judged, as it passes by.
    void runs_part(wire::bytes part, bool first);

    /// It has sent what nobody can judge.
    void runs_anything();

    /// A transaction begins; and was rolled back, its backend lost: its requests have left
    /// nothing but what outlives a rollback: locks of the session, statements of PREPARE.
    void begins() noexcept {
        before_ = earlier{hidden_, code_may_run_, code_unseen_, changed_by_name_};
    }
    void ends() noexcept { before_.reset(); }  // what was sent behind it is told apart no more
    /// `wholly`: they have made nothing of that.
    void rolled_back(bool wholly);

    /// DISCARD ALL was the last thing it did.
    void discarded_all();

    /// It may have changed what is carried over, and that has not been looked at since.
    bool must_look();

    /// What Parse looks at is as `settings` says, or the server reports it.
    bool settings_are_certain() const;

    /// … and that by the client's own words, a SET, say: it would be a pity to lose that. It
    /// is looked at as soon as the transaction has ended.
    bool must_look_at_once() const noexcept {
        return !gave_up_ && ((hidden_ && changed_by_name_) || statements_.unseen());
    }

    /// What is lost for certain, or cannot be told, when the backend is; empty if nothing.
    /// User code of the database, if any has run, may have made more.
    std::string lost_with_backend() const;
    bool code_may_have_run() const noexcept { return code_may_run_; }

    /// By the last survey, user code that nobody has to name may change a setting, or what
    /// else is carried or kept for good.
    bool code_may_set() const;
    void no_code_has_run() noexcept { code_may_run_ = code_rolled_back_ = false; }

    /// … but only in a transaction that was rolled back.
    bool code_was_rolled_back() const noexcept { return code_rolled_back_; }

    /// Why the session cannot be carried to another backend; empty if it can, once what
    /// must be looked at has been.
    std::string pin() const;

    bool pinned() const noexcept { return lasting_ != 0 || !pin_.empty(); }

    /// User code may have run since the last look.
    bool code_is_unseen() const noexcept { return code_unseen_ || code_before_; }

    /// A look begins: its query. What the client sends from now on is not in it. What the
    /// server reports need not be asked.
    std::string begin_look(const reported& by_server);

    /// … and ends with the body of its row, fails, or is lost with its backend. `told` is what
    /// the server reports. One that has failed is not repeated before the client does more: a
    /// compute that could sleep is not kept awake by that.
    void looked(wire::bytes row, wire::bytes login_user, const reported& told);
    void look_failed();
    void look_lost() noexcept;

    /// What another backend has to be given: settings that no server reports.
    const startup_settings_ptr& settings() const noexcept { return settings_; }

    /// … as `fingerprint_of` says, with what the server reports.
    std::string fingerprint(const reported& told) const;

    /// … and statements, by its own names.
    const std::vector<sql_statements::statement>& statements() const noexcept {
        return statements_.carried();
    }

 private:
    /// What cannot be undone but by DISCARD ALL, and not be looked at; a bit each.
    enum lasting : unsigned {
        sequence_values = 1,
        random_seed = 2,
        library = 4,
        unknown_setting = 8,
        kept_statement = 16,
    };
    static std::string names_of(unsigned bits);

    void note_names(const std::vector<std::string>& names);
    void note_lasting(const sql::text_facts& text);
    void note(const sql::text_facts& facts);
    bool code_may_change_parsing() const;
    void take(startup_settings values);
    void keep_text(wire::bytes text);
    bool may_name(wire::bytes function) const;

    startup_settings_ptr startup_;
    startup_settings_ptr settings_;  // the startup settings, with what was looked at
    database_ptr about_;
    std::vector<std::string> names_;         // the client's own
    std::vector<std::string> names_looked_;  // of the look under way
    std::string pin_;                        // as of the last look
    sql_statements statements_;
    unsigned lasting_ = 0;
    bool hidden_ = false;           // it may have done anything
    bool code_may_run_ = false;     // nothing, if the database holds no user's code
    bool code_unseen_ = false;      // … since the last look, or the last survey that knew of none
    std::string unseen_;            // texts since the last look, if not too large
    std::string end_of_part_;       // of a large text: a word may be cut in two
    bool changed_by_name_ = false;  // since the last look
    bool too_much_unseen_ = false;
    bool hidden_before_ = false;
    bool code_before_ = false;
    bool statements_before_ = false;  // the look under way tells what these have done
    bool gave_up_ = false;            // the last look has failed
    bool code_rolled_back_ = false;

    /// As it was when the transaction began.
    struct earlier {
        bool hidden;
        bool code_may_run;
        bool code_unseen;
        bool changed_by_name;
    };
    std::optional<earlier> before_;
};

}  // namespace pgballast::session
