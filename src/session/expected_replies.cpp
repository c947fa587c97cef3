#include "pgballast/session/expected_replies.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>

namespace pgballast::session {
namespace {

constexpr bool is_extended(char request) noexcept {
    return std::string_view{"PBDEC"}.find(request) != std::string_view::npos;
}

}  // namespace

void expected_replies::sent(char type) {
    switch (type) {
        case 'P':
        case 'B':
        case 'D':
        case 'E':
        case 'C':
            segment_open_ = true;
            if (!skipping_to_sync_)
                push(type);
            return;
        case 'S':
            if (copying_in_)  // CopyGetData ignores Sync and Flush
                return;
            segment_open_ = false;
            skipping_to_sync_ = false;
            push(type);
            return;
        case 'Q':
        case 'F':
            // Between an error and its Sync the server reads these and throws them away.
            if (!skipping_to_sync_)
                push(type);
            return;
        case 'c':
        case 'f':
            copying_in_ = false;
            if (!empty())  // behind a COPY that has failed already it means nothing
                push(copy_end);
            return;
        default:  // Flush, CopyData: no reply of their own
            return;
    }
}

expected_replies::verdict expected_replies::arrived(char type) {
    pop_marks();
    if (empty())
        return verdict::violation;

    const auto whose = front_is_own() ? verdict::swallow : verdict::relay;
    const auto owed = front();
    switch (type) {
        case 'E':
            error_arrived();
            return whose;
        case 'G':
            if (owed != 'Q' && owed != 'E')
                return verdict::violation;
            copy_in_begins();
            return whose;
        case 'Z':
            if (owed != 'Q' && owed != 'S' && owed != 'F')
                return verdict::violation;
            copying_in_ = false;
            pop();
            return whose;
        case 'D':
        case 'H':
        case 'd':
        case 'c':
            return owed == 'Q' || owed == 'E' ? whose : verdict::violation;
        case 't':
            return owed == 'D' ? whose : verdict::violation;
        case 'V':
            return owed == 'F' ? whose : verdict::violation;
        case 'T':
        case 'C':
        case 'I':
            if (owed == 'Q')  // a Query ends with ReadyForQuery only
                return whose;
            break;
        default:
            break;
    }
    if (!ends_front(type))
        return verdict::violation;
    if (type == 'C')
        copying_in_ = false;
    pop();
    return whose;
}

bool expected_replies::ends_front(char reply) const noexcept {
    switch (front()) {
        case 'P':
            return reply == '1';
        case 'B':
            return reply == '2';
        case 'C':
            return reply == '3';
        case 'D':
            return reply == 'T' || reply == 'n';
        case 'E':
            return reply == 'C' || reply == 'I' || reply == 's';
        default:
            return false;
    }
}

void expected_replies::error_arrived() {
    copying_in_ = false;
    if (!is_extended(front()))
        return;  // ReadyForQuery follows
    // The server skips to the next Sync it reads; so do we.
    while (!empty() && front() != 'S')
        pop();
    skipping_to_sync_ = empty();
}

void expected_replies::copy_in_begins() {
    // Syncs sent behind the COPY but before its end are read as a part of it and
    // ignored: libpq sends one with every extended query.
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(head_) + 1;
    const auto last = std::find_if(first, queue_.end(), [](char entry) { return entry != 'S'; });
    const bool ended = last != queue_.end() && *last == copy_end;
    const bool synced = last != first;
    queue_.erase(first, last);
    copying_in_ = !ended;
    if (front() == 'E' && synced && !ended)
        segment_open_ = true;
}

void expected_replies::pop() {
    assert(!empty());
    ++head_;
    if (head_ == queue_.size()) {
        queue_.clear();
        head_ = 0;
    }
    pop_marks();
}

void expected_replies::pop_marks() {
    while (!empty() && queue_[head_] == copy_end)
        if (++head_ == queue_.size()) {
            queue_.clear();
            head_ = 0;
        }
}

void expected_replies::push(char entry) {
    // The front is cut off only now and then, so that a long pipeline stays linear.
    if (head_ > 64 && head_ > queue_.size() / 2) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    queue_.push_back(entry);
}

void expected_replies::clear() noexcept {
    queue_.clear();
    head_ = 0;
    segment_open_ = skipping_to_sync_ = copying_in_ = false;
}

}  // namespace pgballast::session
