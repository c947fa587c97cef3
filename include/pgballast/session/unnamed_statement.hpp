// What a client's unnamed statement is. PostgreSQL protocol 3.0, "Extended Query".
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

/// Each Parse of it replaces the one before, if it is not skipped; one that fails leaves
/// none, and so does a simple query. In steady state nothing is allocated.
class unnamed_statement {
 public:
    /// A Parse was sent. No definition: it is too large to be kept.
    void parse_sent(wire::bytes definition) {
        under_way_.push_back(std::move(spare_));
        under_way_.back().assign(definition);
        too_large_ = definition.empty();
        here_ = true;
    }

    /// ParseComplete has come.
    void parsed() {
        if (under_way_.empty())
            return;
        definition_.swap(under_way_[head_]);
        spare_ = std::move(under_way_[head_]);
        drop(1);
    }

    /// An error has come, of a Parse of it or of something else; so many were skipped.
    void failed(bool of_itself, std::size_t skipped) {
        drop(std::min(skipped, under_way_.size() - head_));
        if (of_itself)
            dropped();
    }

    /// A simple query was answered, or a Close sent: there is none.
    void dropped() {
        definition_.clear();
        too_large_ = too_large_ && !under_way_.empty();
    }

    /// Another backend is lent, or the one that was is lost.
    void left_behind() {
        drop(under_way_.size() - head_);
        here_ = false;
    }
    void parsed_again() noexcept { here_ = true; }

    /// The backend that is lent has it, or has none.
    bool here() const noexcept { return here_; }

    /// Nobody else could be given it.
    bool only_there() const noexcept { return too_large_; }

    const std::string& definition() const noexcept { return definition_; }

    /// Of the one that a message means which is sent now.
    wire::bytes text() const noexcept {
        const wire::bytes latest = under_way_.empty() ? definition_ : under_way_.back();
        return latest.substr(0, latest.find('\0'));
    }

 private:
    /// Of the first ones under way. They are cut off only now and then, so that a long
    /// pipeline stays linear.
    void drop(std::size_t count) {
        head_ += count;
        const auto first = under_way_.begin();
        if (head_ == under_way_.size() || head_ > 64 + under_way_.size() / 2)
            under_way_.erase(first, first + static_cast<std::ptrdiff_t>(std::exchange(head_, 0)));
    }

    std::string definition_;              // as in a Parse, behind the name; empty: there is none
    std::vector<std::string> under_way_;  // [head_, size)
    std::size_t head_ = 0;
    std::string spare_;
    bool here_ = false;
    bool too_large_ = false;
};

}  // namespace pgballast::session
