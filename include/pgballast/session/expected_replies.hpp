// What a backend still owes: one entry per request, in the order they were sent.
// PostgreSQL protocol 3.0, "Message Flow".
#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace pgballast::session {

/// What a Query of our own is for.
enum class own : char {
    none = 0,
    restoration = 1,  // it makes the backend the client's own
    survey = 4,       // of the code that the database's users have put there
    look = 5,         // at what the client's session has become
    startup = 6,      // after a RESET, the client's own startup values
    prepare = 7,      // what the client has prepared by SQL
    proof = 8,        // whether what was lost may be run again
    opening = 9,      // of a transaction block that the client is in
};

/// A Parse or Close that those hear of who keep count of prepared statements: the client's
/// names, the backend's, or both.
enum class counted : char {
    none = 0,
    unnamed_parse = 16,  // of the client: none of them counts it
    parse,               // of the client, sent on
    parse_of_known,      // of the client. The backend has the statement: a Close of nothing was
                         // sent, whose CloseComplete is told as ParseComplete
    own_parse,           // in front of a message that uses the statement. Its error is told
    close,               // of the client, sent on
    close_of_name,       // of the client, whose name means nothing to the backend
    own_close,
};

/// The order of outstanding requests, and which reply ends which.
///
/// A request is Query, FunctionCall, Parse, Bind, Describe, Execute, Close or
/// Sync, named by its type byte.
///
/// While it copies in, a server ignores Sync; libpq sends one behind every extended
/// query, COPY included. Therefore the end of a COPY (CopyDone, CopyFail) is kept as
/// a mark: a Sync before it is not answered, one behind it is. When the COPY fails,
/// nobody can tell from outside whether the server had read such a Sync yet: a
/// doubtful one stays on the list until a later reply proves that it was passed over.
class expected_replies {
 public:
    /// A backend owes at most so many replies; a client that pipelines more is refused.
    static constexpr std::size_t max = 1 << 20;

    enum class verdict {
        relay,      // it belongs to a request of the client
        parsed,     // so does it, and is told as ParseComplete
        swallow,    // it belongs to a request of our own
        violation,  // nobody asked for it
    };

    /// A request of the client was sent on.
    void sent(char type);

    /// … or such a one, by the client or in front of its request.
    void sent(counted what);

    /// A Query of our own was sent: all its replies are swallowed.
    void sent_own_query(own what = own::restoration) { push(static_cast<char>(what)); }

    /// A reply has arrived: whose is it, and what does it end? Asynchronous messages
    /// (NoticeResponse, ParameterStatus, NotificationResponse) are not asked about.
    verdict arrived(char type);

    /// What is owed first, if it is one of these.
    counted front_counted() const noexcept {
        return !empty() && is_counted(queue_[head_]) ? static_cast<counted>(queue_[head_])
                                                     : counted::none;
    }

    /// How many of these are owed.
    std::size_t owed(counted what) const noexcept {
        return static_cast<std::size_t>(
            std::count(queue_.begin() + static_cast<std::ptrdiff_t>(head_), queue_.end(),
                       static_cast<char>(what)));
    }

    /// The server skips what is sent now, until the next Sync.
    bool skipping() const noexcept { return skipping_to_sync_; }

    /// What that reply has ended: a counted request, or a Sync.
    counted ended_counted() const noexcept;
    bool ended_sync() const noexcept { return ended_ == 'S'; }
    bool ended_query() const noexcept { return ended_ == 'Q'; }

    /// Syncs that the server has passed over since this was asked last: what has arrived
    /// comes behind them.
    std::size_t passed_over() noexcept { return std::exchange(passed_over_, 0); }

    /// Nothing is owed, also not perhaps, and the last extended-protocol segment was
    /// ended by a Sync.
    bool all_done() const noexcept { return empty() && !segment_open_; }

    bool empty() const noexcept { return head_ == queue_.size(); }
    std::size_t size() const noexcept { return queue_.size() - head_; }
    bool full() const noexcept { return size() >= max; }

    /// Something is owed for certain.
    bool owes() const noexcept;

    /// A ReadyForQuery is owed to a request of the client: what it sends now, it sends
    /// without knowing what became of that.
    bool ready_owed() const noexcept { return ready_owed_ != 0; }

    /// The oldest request, or the segment it belongs to, has been answered by an error.
    bool error_told() const noexcept { return error_told_; }

    /// An extended-protocol segment was begun and its Sync has not been sent.
    bool segment_open() const noexcept { return segment_open_; }

    /// The server reads COPY data, and the client has not ended it yet.
    bool copying_in() const noexcept { return copying_in_; }

    /// The oldest request that is owed a reply; 0 if there is none.
    char front() const noexcept { return empty() ? '\0' : from_entry(queue_[head_]); }
    bool front_is_own() const noexcept { return !empty() && is_own(queue_[head_]); }

    /// What the oldest request is for, if it is our own.
    own front_own() const noexcept {
        return front_is_own() ? static_cast<own>(queue_[head_]) : own::none;
    }

    /// The backend is gone: what is left is what the client waits for. A doubtful Sync
    /// is none of that: the client sends another one when it ends the COPY.
    void settle();

    void clear() noexcept;

 private:
    // Entries that are no request of the client, besides our own.
    static constexpr char copy_end = '\2';
    static constexpr char doubtful_sync = '\3';  // sent while the server may have been copying

    static constexpr bool is_own(char entry) noexcept {
        return entry == static_cast<char>(own::restoration) ||
               (entry >= static_cast<char>(own::survey) &&
                entry <= static_cast<char>(own::opening));
    }
    static constexpr bool is_counted(char entry) noexcept {
        return entry >= static_cast<char>(counted::unnamed_parse) &&
               entry <= static_cast<char>(counted::own_close);
    }

    /// The type of the message that was sent for it.
    static constexpr char from_entry(char entry) noexcept {
        if (is_own(entry))
            return 'Q';
        if (!is_counted(entry))
            return entry;
        const auto what = static_cast<counted>(entry);
        return what <= counted::parse || what == counted::own_parse ? 'P' : 'C';
    }
    verdict verdict_on(char reply) const noexcept;
    static bool ends_with_ready(char entry) noexcept {
        return entry == 'Q' || entry == 'S' || entry == 'F';
    }

    void push(char entry);
    void pop();
    void pop_marks();
    void pop_doubts();
    void drop_front();
    void clear_list() noexcept;
    void ready_arrived_in_doubt();
    void error_arrived();
    bool copy_in_begins();
    void copy_in_ends();
    bool segment_is_open() const noexcept;
    bool ends_front(char reply) const noexcept;

    boost::container::small_vector<char, 16> queue_;  // [head_, size) is owed
    std::size_t head_ = 0;
    std::size_t ready_owed_ = 0;     // entries in [head_, size) that end with ReadyForQuery
    std::size_t copies_behind_ = 0;  // entries behind the front that its finished COPYs used
    std::size_t passed_over_ = 0;
    char ended_ = 0;
    bool segment_open_ = false;
    bool skipping_to_sync_ = false;  // the server ignores what comes until a Sync
    bool error_told_ = false;
    bool server_copies_in_ = false;  // it has said so, and has not ended it yet
    bool copying_in_ = false;        // and neither has the client
    bool copy_data_sent_ = false;    // since the list was last empty
};

}  // namespace pgballast::session
