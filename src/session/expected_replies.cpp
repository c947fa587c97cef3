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

void expected_replies::sent(counted what) {
    segment_open_ = true;
    if (!skipping_to_sync_)
        push(static_cast<char>(what));
}

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
            if (copying_in_) {
                push(doubtful_sync);
                return;
            }
            segment_open_ = false;
            skipping_to_sync_ = false;
            push(type);
            return;
        case 'Q':
        case 'F':
            // Between an error and its Sync the server reads these and throws them away.
            if (skipping_to_sync_)
                return;
            segment_open_ = false;  // their end commits what the segment has done
            push(type);
            return;
        case 'c':
        case 'f':
            copying_in_ = false;
            if (empty())  // behind a COPY that has failed already it means nothing
                return;
            copy_data_sent_ = true;
            push(copy_end);
            return;
        case 'd':
            copy_data_sent_ |= !empty();
            return;
        default:  // Flush: no reply of its own
            return;
    }
}

expected_replies::verdict expected_replies::arrived(char type) {
    pop_marks();
    ended_ = 0;
    if (!empty() && queue_[head_] == doubtful_sync) {
        if (type == 'Z') {
            ended_ = 'S';
            ready_arrived_in_doubt();
            return verdict::relay;
        }
        pop_doubts();  // replies come in order
    }
    if (empty())
        return verdict::violation;

    const auto whose = verdict_on(type);
    const auto owed = front();
    switch (type) {
        case 'E':
            error_arrived();
            return whose;
        case 'G':
            if ((owed != 'Q' && owed != 'E') || !copy_in_begins())
                return verdict::violation;
            return whose;
        case 'Z':
            if (!ends_with_ready(owed))
                return verdict::violation;
            ended_ = owed;
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
        case 'C':
            if (server_copies_in_)
                copy_in_ends();
            [[fallthrough]];
        case 'T':
        case 'I':
            if (owed == 'Q')  // a Query ends with ReadyForQuery only
                return whose;
            break;
        default:
            break;
    }
    if (!ends_front(type))
        return verdict::violation;
    ended_ = queue_[head_];
    pop();
    return whose;
}

expected_replies::verdict expected_replies::verdict_on(char reply) const noexcept {
    if (front_is_own())
        return verdict::swallow;
    if (reply == 'E' || !is_counted(queue_[head_]))
        return verdict::relay;
    switch (static_cast<counted>(queue_[head_])) {
        case counted::parse_of_known:
            return verdict::parsed;
        case counted::own_parse:
        case counted::own_close:
            return verdict::swallow;
        default:
            return verdict::relay;
    }
}

counted expected_replies::ended_counted() const noexcept {
    return is_counted(ended_) ? static_cast<counted>(ended_) : counted::none;
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
    if (server_copies_in_ && !copy_data_sent_) {
        // It failed before it read anything: it reads these Syncs now.
        for (auto at = head_; at != queue_.size(); ++at)
            if (queue_[at] == doubtful_sync) {
                queue_[at] = 'S';
                ++ready_owed_;
            }
        segment_open_ = segment_is_open();
    }
    server_copies_in_ = copying_in_ = false;
    error_told_ = true;
    if (!is_extended(front()))
        return;  // ReadyForQuery follows
    // The server skips to the next Sync it reads; so do we.
    while (!empty() && queue_[head_] != 'S' && queue_[head_] != doubtful_sync)
        drop_front();
    skipping_to_sync_ = empty();
    if (skipping_to_sync_)
        segment_open_ = true;
}

/// Two Syncs, and a reply to one: the later one has it for certain, the earlier one
/// perhaps has another.
void expected_replies::ready_arrived_in_doubt() {
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(head_);
    const auto certain = std::find_if(first, queue_.end(), [](char entry) {
        return entry != doubtful_sync && entry != copy_end;
    });
    error_told_ = false;
    if (certain != queue_.end() && *certain == 'S') {
        --ready_owed_;
        queue_.erase(certain);
        return;
    }
    drop_front();
    pop_marks();
    segment_open_ = segment_is_open();
}

/// Syncs behind the COPY but before its end are read as a part of it. False: any other
/// request there makes the server fail the COPY and throw that request away.
bool expected_replies::copy_in_begins() {
    auto at = head_ + 1 + copies_behind_;
    for (; at != queue_.size() && (queue_[at] == 'S' || queue_[at] == doubtful_sync); ++at) {
        ready_owed_ -= queue_[at] == 'S' ? 1 : 0;
        queue_[at] = doubtful_sync;
    }
    const bool ended = at != queue_.size();
    if (ended && queue_[at] != copy_end)
        return false;
    server_copies_in_ = true;
    copying_in_ = !ended;
    segment_open_ = segment_is_open();
    return true;
}

/// What belonged to the COPY means nothing now.
void expected_replies::copy_in_ends() {
    server_copies_in_ = copying_in_ = false;
    for (auto at = head_ + 1 + copies_behind_; at != queue_.size(); ++at) {
        const bool last = queue_[at] == copy_end;
        if (!last && queue_[at] != doubtful_sync)
            return;
        passed_over_ += last ? 0 : 1;
        queue_[at] = copy_end;
        ++copies_behind_;
        if (last)
            return;
    }
}

/// Judged by what is on the list.
bool expected_replies::segment_is_open() const noexcept {
    for (auto at = queue_.size(); at != head_; --at) {
        if (ends_with_ready(queue_[at - 1]))
            return false;
        if (is_extended(from_entry(queue_[at - 1])))
            return true;
    }
    return false;
}

bool expected_replies::owes() const noexcept {
    return std::any_of(queue_.begin() + static_cast<std::ptrdiff_t>(head_), queue_.end(),
                       [](char entry) { return entry != doubtful_sync && entry != copy_end; });
}

void expected_replies::settle() {
    if (front_is_own())
        error_told_ = false;  // of that nobody was told
    std::replace(queue_.begin(), queue_.end(), doubtful_sync, copy_end);
    queue_.erase(
        std::remove_if(queue_.begin() + static_cast<std::ptrdiff_t>(head_), queue_.end(), is_own),
        queue_.end());
    if (empty())
        clear_list();
    pop_marks();
}

void expected_replies::clear_list() noexcept {
    queue_.clear();
    head_ = 0;
    copy_data_sent_ = false;
}

void expected_replies::push(char entry) {
    // The front is cut off only now and then, so that a long pipeline stays linear.
    if (head_ > 64 && head_ > queue_.size() / 2) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    queue_.push_back(entry);
    ready_owed_ += ends_with_ready(entry) ? 1 : 0;
}

/// The front has been answered.
void expected_replies::pop() {
    if (ends_with_ready(from_entry(queue_[head_]))) {
        server_copies_in_ = copying_in_ = false;
        error_told_ = false;
    }
    drop_front();
    pop_marks();
}

void expected_replies::pop_marks() {
    while (!empty() && queue_[head_] == copy_end)
        drop_front();
}

void expected_replies::pop_doubts() {
    while (!empty() && (queue_[head_] == doubtful_sync || queue_[head_] == copy_end)) {
        passed_over_ += queue_[head_] == doubtful_sync ? 1 : 0;
        drop_front();
    }
}

void expected_replies::drop_front() {
    assert(!empty());
    ready_owed_ -= ends_with_ready(queue_[head_]) ? 1 : 0;
    copies_behind_ = 0;
    if (++head_ == queue_.size())
        clear_list();
}

void expected_replies::clear() noexcept {
    *this = {};
}

}  // namespace pgballast::session
