// Who is logging in: so many at once, and nobody keeps others out by doing nothing.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>

#include "login/dialogue.hpp"

namespace pgballast::proxy {

/// On the control plane. It outlives its places.
class logins {
 public:
    using clock = std::chrono::steady_clock;

    /// A login that has had less time than this is not sent away: a client on a slow
    /// network needs so long when it is honest.
    static constexpr std::chrono::seconds time_least{2};

    explicit logins(unsigned max) : max_{max} {}

    /// Held for as long as the login takes.
    class place : public boost::intrusive::list_base_hook<
                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
     public:
        place(logins& all, dialogue& talk) : all_{all}, talk_{talk} {}
        ~place() { all_.count_ -= entered_; }
        place(const place&) = delete;
        place& operator=(const place&) = delete;

        /// False: all places are taken, by clients that came just now. Where it is the
        /// oldest that has had its time, that one is ended instead.
        bool enter() { return all_.enter(*this); }

        /// The client has proved who it is, and is sent away no more.
        void proved() { unlink_if_linked(); }

        bool was_sent_away() const noexcept { return sent_away_; }

     private:
        friend logins;

        void unlink_if_linked() {
            if (is_linked())
                unlink();
        }

        logins& all_;
        dialogue& talk_;
        const clock::time_point since_ = clock::now();
        bool entered_ = false;
        bool sent_away_ = false;
    };

 private:
    using unproved = boost::intrusive::list<place, boost::intrusive::constant_time_size<false>>;

    bool enter(place& one) {
        if (count_ >= max_ && !send_oldest_away())
            return false;
        one.entered_ = true;
        ++count_;
        unproved_.push_back(one);
        return true;
    }

    bool send_oldest_away() {
        if (unproved_.empty() || clock::now() - unproved_.front().since_ < time_least)
            return false;
        auto& oldest = unproved_.front();
        oldest.unlink();
        oldest.sent_away_ = true;
        oldest.talk_.put_off(clock::now());
        return true;
    }

    const unsigned max_;
    unsigned count_ = 0;
    unproved unproved_;  // the oldest in front
};

}  // namespace pgballast::proxy
