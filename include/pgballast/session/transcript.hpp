// What a client has asked of the backend that it is lent, and been told by it, since nothing
// was under way: all that can be known of requests whose backend is lost.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pgballast/session/hash.hpp"
#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

using wire::bytes;

/// Hears every byte of the client's messages that goes to the backend, as the client sent it,
/// and of the replies that come back, as the client is told them. Of an open transaction it
/// keeps all requests, and a digest of the replies to each.
class transcript {
 public:
    /// Bytes of requests that are kept; more than that are not.
    static constexpr std::size_t max = 1024 * 1024;

    /// The replies since the last ReadyForQuery, but those that come at any time
    /// (NoticeResponse, ParameterStatus, NotificationResponse).
    struct replies {
        std::size_t size = 0;    // bytes
        bool rows = false;       // a row, whole or in part
        bool completed = false;  // a CommandComplete, an error, or anything but what comes
                                 // in front of these
        bool error = false;
        bool parameters = false;  // the value of a setting has been told
    };

    /// The next part of a message to the backend.
    void asked(bytes part) {
        if (requests_.size() + part.size() > max)
            give_up();
        if (!gave_up_)
            requests_.append(part);
    }

    /// Data of a COPY goes by, in either direction: that cannot be asked for again.
    void copies() noexcept { complete_ = false; }

    /// The next part of a reply of that type.
    void told(char type, bytes part);

    /// ReadyForQuery was told: the oldest request that it can end has ended.
    void ready(bool in_block, bool nothing_owed);

    /// Nothing is under way, and no transaction open: a new one begins with what is asked next.
    void forget();

    /// The requests without a ReadyForQuery, if `complete`.
    bytes unanswered() const noexcept { return bytes{requests_}.substr(answered_); }
    bool complete() const noexcept { return complete_; }

    /// … and all of the transaction that is open, if that is; but no data of a COPY.
    bytes transaction() const noexcept { return bytes{requests_}.substr(begin_); }
    bool transaction_complete() const noexcept { return transaction_complete_; }

    /// Of the first that is unanswered.
    const replies& so_far() const noexcept { return so_far_; }
    digest digest_so_far() const { return hash_.digest(); }

    /// Of each answered request of the open transaction.
    const std::vector<digest>& digests() const noexcept { return digests_; }

 private:
    void give_up();
    void drop_answered();

    std::string requests_;
    std::size_t begin_ = 0;     // of the open transaction
    std::size_t answered_ = 0;  // the first that is not
    bool gave_up_ = false;      // until nothing is owed
    bool complete_ = true;
    bool transaction_complete_ = true;
    replies so_far_;
    hasher hash_;
    std::vector<digest> digests_;
};

}  // namespace pgballast::session
