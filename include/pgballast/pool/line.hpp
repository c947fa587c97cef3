// Those who wait for one thing, in order of arrival.
#pragma once

#include <cassert>
#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>

#include "pgballast/pool/clock.hpp"

namespace pgballast::pool {

/// Who waits, in order of arrival.
using ticket = std::uint64_t;

struct waiter {
    ticket id;
    unsigned worker;
    time_point since;
};

/// A queue that may also be left from its middle. Everything is O(log n).
///
/// Invariant: `since` never decreases with the ticket. So one bound on the wait, the
/// same for all, is always reached by the first in line first, and those who have
/// waited longer than some time stand together at the front.
class line {
 public:
    bool empty() const noexcept { return waiters_.empty(); }
    std::size_t size() const noexcept { return waiters_.size(); }

    void join(const waiter& last) {
        assert(waiters_.empty() || waiters_.rbegin()->first < last.id);
        assert(waiters_.empty() || waiters_.rbegin()->second.since <= last.since);
        waiters_.emplace_hint(waiters_.end(), last.id, last);
    }

    /// True when `id` did wait here.
    bool leave(ticket id) { return waiters_.erase(id) > 0; }

    std::optional<waiter> front() const { return from(0); }

    /// The first whose ticket is `lowest` or later.
    std::optional<waiter> from(ticket lowest) const {
        const auto found = waiters_.lower_bound(lowest);
        if (found == waiters_.end())
            return std::nullopt;
        return found->second;
    }

    /// The first of those who have not been given their notice.
    std::optional<waiter> untold() const { return from(told_ + 1); }

    /// `first` has been given its notice, and so have all before it.
    void told(const waiter& first) {
        assert(first.id > told_);
        told_ = first.id;
    }

 private:
    /// Used again: who waits allocates nothing.
    std::unique_ptr<std::pmr::memory_resource> nodes_ =
        std::make_unique<std::pmr::unsynchronized_pool_resource>();
    std::pmr::map<ticket, waiter> waiters_{nodes_.get()};
    ticket told_ = 0;  // no later ticket has been given its notice
};

}  // namespace pgballast::pool
