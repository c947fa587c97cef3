#include "pgballast/session/transcript.hpp"

#include <cassert>

namespace pgballast::session {
namespace {

/// Requests that end with ReadyForQuery.
constexpr bytes ready_types = "QSF";

/// Replies that come before anything has been executed, or with its rows.
constexpr bytes preliminary_types = "123tTnD";

constexpr bytes unasked_types = "NSA";

constexpr bool contains(bytes types, char type) noexcept {
    return types.find(type) != bytes::npos;
}

/// Where the first request ends that ReadyForQuery answers; the end if none does.
std::size_t end_of_request(bytes requests, std::size_t at) {
    while (at < requests.size()) {
        const auto header = wire::decode_frame_header(requests.substr(at));
        if (!header || !*header)
            break;
        at += (*header)->frame_size();
        if (contains(ready_types, (*header)->type))
            return std::min(at, requests.size());
    }
    return requests.size();
}

}  // namespace

void transcript::give_up() {
    gave_up_ = true;
    complete_ = transaction_complete_ = false;
    requests_.clear();
    begin_ = answered_ = 0;
}

void transcript::told(char type, bytes part) {
    so_far_.parameters |= type == 'S';
    if (contains(unasked_types, type))
        return;
    so_far_.size += part.size();
    so_far_.rows |= type == 'D';
    so_far_.error |= type == 'E';
    so_far_.completed |= !contains(preliminary_types, type);
    hash_.add(part);
}

void transcript::ready(bool in_block, bool nothing_owed) {
    if (!in_block && nothing_owed)
        return forget();
    complete_ |= nothing_owed;
    gave_up_ &= !nothing_owed;
    // More Syncs than ReadyForQuery: the one that came while a COPY went on had no answer.
    answered_ = nothing_owed ? requests_.size() : end_of_request(requests_, answered_);
    if (in_block && transaction_complete_)
        digests_.push_back(hash_.digest());
    if (!in_block) {
        digests_.clear();
        drop_answered();
    }
    so_far_ = {};
    hash_.reset();
}

/// They are cut off only now and then, so that a long pipeline stays linear.
void transcript::drop_answered() {
    begin_ = answered_;
    constexpr std::size_t often_enough = 16 * 1024;
    if (begin_ < often_enough || begin_ < requests_.size() / 2)
        return;
    requests_.erase(0, begin_);
    begin_ = answered_ = 0;
}

void transcript::forget() {
    constexpr std::size_t kept = 16 * 1024;
    if (requests_.capacity() > kept)
        requests_ = {};
    requests_.clear();
    digests_.clear();
    begin_ = answered_ = 0;
    complete_ = transaction_complete_ = true;
    gave_up_ = false;
    if (so_far_.size != 0)
        hash_.reset();
    so_far_ = {};
}

}  // namespace pgballast::session
