// How other threads ask a worker to do something.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace pgballast::proxy {

/// Letters are rare (logins, moves, refusals): a mutex is cheap enough.
class mailbox {
 public:
    using letter = std::function<void()>;

    /// From any thread. True if the box was empty, so that the owner must be woken.
    bool post(letter one) {
        const std::lock_guard lock{mutex_};
        letters_.push_back(std::move(one));
        return letters_.size() == 1;
    }

    /// On the owner's thread: carries out what has been posted.
    void deliver() {
        {
            const std::lock_guard lock{mutex_};
            if (letters_.empty())
                return;
            delivered_.swap(letters_);
        }
        for (auto& one : delivered_)
            one();
        delivered_.clear();
    }

 private:
    std::mutex mutex_;
    std::vector<letter> letters_;
    std::vector<letter> delivered_;
};

}  // namespace pgballast::proxy
