// One direction of a connection: bytes arrive late, and cut anywhere.
#pragma once

#include <functional>
#include <string>

#include "chance.hpp"
#include "timeline.hpp"

namespace pgballast::sim {

class pipe {
 public:
    pipe(timeline& time, chance dice, std::function<void(std::string)> deliver,
         std::function<void()> end)
        : time_{time}, dice_{dice}, deliver_{std::move(deliver)}, end_{std::move(end)} {}

    void write(std::string_view data) {
        if (closing_)
            return;
        under_way_.append(data);
        if (!data.empty())
            schedule();
    }

    /// The end follows what has been written.
    void close() {
        if (std::exchange(closing_, true))
            return;
        schedule();
    }

    /// The end comes now, or after some of what has been written.
    void cut() {
        under_way_.resize(dice_.below(static_cast<unsigned>(under_way_.size()) + 1));
        close();
    }

    /// Nobody reads this end any more.
    void mute() { muted_ = true; }

    bool empty() const { return under_way_.empty(); }

 private:
    void schedule() {
        if (!std::exchange(scheduled_, true))
            time_.in(dice_.below(20), [this] { move(); });
    }

    void move() {
        scheduled_ = false;
        if (!under_way_.empty()) {
            const auto all = static_cast<unsigned>(under_way_.size());
            const auto some = dice_.per_mille(500) ? all : dice_.below(all) + 1;
            auto part = under_way_.substr(0, some);
            under_way_.erase(0, some);
            if (!muted_)
                deliver_(std::move(part));
        }
        if (!under_way_.empty())
            schedule();
        else if (closing_ && !std::exchange(ended_, true) && !muted_)
            end_();
    }

    timeline& time_;
    chance dice_;
    std::function<void(std::string)> deliver_;
    std::function<void()> end_;
    std::string under_way_;
    bool scheduled_ = false;
    bool closing_ = false;
    bool ended_ = false;
    bool muted_ = false;
};

}  // namespace pgballast::sim
