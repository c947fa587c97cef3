// What all sessions of a database know together: of its user code, above all.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pgballast/sql/text_facts.hpp"
#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

/// What the catalog of a database says about the code that its users have put there.
struct survey {
    bool holds_code = true;   // a plain SELECT or INSERT may run some
    sql::text_facts of_code;  // what it may do to a session

    /// Functions that do what cannot be looked at, and that are run by nobody who does not
    /// name them: they are not in `of_code`.
    std::vector<std::pair<std::string, sql::text_facts>> by_name;
    std::uint64_t definitions = 0;
    std::chrono::steady_clock::time_point taken_at;
};
using survey_ptr = std::shared_ptr<const survey>;

/// Shared by the sessions of all threads.
class database {
 public:
    /// Others may define things without a word of it coming by here: after so long the
    /// catalog is asked again, while the compute is awake anyway.
    static constexpr std::chrono::seconds survey_age_max{10};
    static constexpr std::chrono::seconds survey_pause{1};

    /// Something may have been defined, or dropped: what is known is out of date.
    void defined() noexcept { definitions_.fetch_add(1); }
    std::uint64_t definitions() const noexcept { return definitions_.load(); }

    /// From the first currval() or lastval() on, who has moved a sequence keeps its backend.
    void sequences_are_read() noexcept { sequences_read_.store(true, std::memory_order_relaxed); }
    bool reads_sequences() const noexcept {
        return sequences_read_.load(std::memory_order_relaxed);
    }

    /// The latest survey, if it is not too old and nothing has been defined since; else null.
    survey_ptr known() const;
    void forget_what_is_old(std::chrono::steady_clock::time_point now);

    /// Somebody may ask the catalog, and says how that ended. Not while somebody else does, for
    /// up to `survey_age_max`, nor within `survey_pause` of the beginning of one that has failed.
    bool begin_survey(std::chrono::steady_clock::time_point now);
    void learned(survey_ptr what);
    void survey_failed(std::chrono::steady_clock::time_point begun);
    void survey_lost();

 private:
    std::atomic<std::uint64_t> definitions_{0};
    std::atomic<bool> sequences_read_{false};
    mutable std::mutex mutex_;
    survey_ptr latest_;
    std::chrono::steady_clock::time_point next_survey_;  // … a later one, if it is lost
};
using database_ptr = std::shared_ptr<database>;

/// Gathers the answer to `catalog::holds_no_user_code` and the query behind it, row by row.
class surveyor {
 public:
    explicit surveyor(std::uint64_t definitions, std::chrono::steady_clock::time_point now);

    /// The body of a DataRow.
    void row(wire::bytes body);

    /// A part of one that is too large to be gathered: it may do anything.
    void unread_row() noexcept { found_.of_code.unknown_name = true; }

    /// The answer is complete; null if it was none.
    survey_ptr finish();

    std::chrono::steady_clock::time_point begun() const noexcept { return found_.taken_at; }

 private:
    survey found_;
    bool answered_ = false;
};

}  // namespace pgballast::session
