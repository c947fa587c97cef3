// What a backend still owes: one entry per request, in the order they were sent.
// PostgreSQL protocol 3.0, "Message Flow".
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>

namespace pgballast::session {

/// The order of outstanding requests, and which reply ends which.
///
/// A request is Query, FunctionCall, Parse, Bind, Describe, Execute, Close or
/// Sync, named by its type byte. The end of a COPY FROM STDIN (CopyDone,
/// CopyFail) is kept as a mark, because a Sync before it is ignored by the server
/// while it copies, and one behind it is answered.
class expected_replies {
 public:
    /// A backend owes at most so many replies; a client that pipelines more is refused.
    static constexpr std::size_t max = 1 << 20;

    enum class verdict {
        relay,      // it belongs to a request of the client
        swallow,    // it belongs to a request of our own
        violation,  // nobody asked for it
    };

    /// A request of the client was sent on.
    void sent(char type);

    /// A Query of our own was sent: all its replies are swallowed.
    void sent_own_query() { push(own_query); }

    /// A reply has arrived: whose is it, and what does it end? Asynchronous messages
    /// (NoticeResponse, ParameterStatus, NotificationResponse) are not asked about.
    verdict arrived(char type);

    /// Nothing is owed, and the last extended-protocol segment was ended by a Sync.
    bool all_done() const noexcept { return empty() && !segment_open_; }

    bool empty() const noexcept { return head_ == queue_.size(); }
    std::size_t size() const noexcept { return queue_.size() - head_; }
    bool full() const noexcept { return size() >= max; }

    /// An extended-protocol segment was begun and its Sync has not been sent.
    bool segment_open() const noexcept { return segment_open_; }

    /// The server ignores what it reads until the next Sync: its error was told.
    bool skipping_to_sync() const noexcept { return skipping_to_sync_; }

    /// The server reads COPY data, and the client has not ended it yet.
    bool copying_in() const noexcept { return copying_in_; }

    /// The oldest request that is owed a reply; 0 if there is none.
    char front() const noexcept { return empty() ? '\0' : from_entry(queue_[head_]); }
    bool front_is_own() const noexcept { return !empty() && queue_[head_] == own_query; }

    /// Forgets the oldest request: its backend is gone, or its error was told.
    void pop();

    void clear() noexcept;

 private:
    static constexpr char own_query = '\1';
    static constexpr char copy_end = '\2';  // a mark, not a request

    static constexpr char from_entry(char entry) noexcept {
        return entry == own_query ? 'Q' : entry;
    }

    void push(char entry);
    void pop_marks();
    void error_arrived();
    void copy_in_begins();
    bool ends_front(char reply) const noexcept;

    boost::container::small_vector<char, 16> queue_;  // [head_, size) is owed
    std::size_t head_ = 0;
    bool segment_open_ = false;
    bool skipping_to_sync_ = false;  // the server ignores what comes until a Sync
    bool copying_in_ = false;
};

}  // namespace pgballast::session
