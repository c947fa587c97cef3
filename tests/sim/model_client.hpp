// A client with a script, that checks every reply and remembers what it was told of
// each row.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "messages.hpp"
#include "prepared.hpp"
#include "script.hpp"

namespace pgballast::sim {

enum class fate {
    absent,   // never asked for, or told that it failed
    unknown,  // asked for, and not answered so that one could tell
    present,  // acknowledged
};

class model_client {
 public:
    using settings = std::map<std::string, std::string>;

    /// `told`: what it was told at login. `own`: startup settings it always has.
    model_client(settings told, settings own, std::vector<group> script);

    /// What it says next; empty when it waits or has nothing more to say.
    std::string speak();

    /// Returns what it says at once, which is COPY data.
    std::string hear(bytes in);
    void hear_end();  // the connection has ended
    void leave() { ended_ = true; }

    bool wants_to_speak() const {
        return !ended_ && outstanding_.empty() && (roll_back_ || at_ < script_.size());
    }
    bool finished() const { return ended_ || (outstanding_.empty() && !wants_to_speak()); }

    const std::map<unsigned, fate>& fates() const { return fates_; }

    /// SQLSTATEs it was told, with their number.
    const std::map<std::string, unsigned>& errors() const { return errors_; }

 private:
    struct outstanding {
        request what;
        std::deque<std::pair<char, std::size_t>> due = {};  // of a segment: reply, statement
        std::vector<std::string> tags = {};
        std::string error = {};  // SQLSTATE
        bool copying = false;

        /// The statement that is being answered; empty behind the last one.
        std::string statement() const;
    };

    void on(const message& one, std::string& out);
    void on_error(const message& one, std::string& out);
    void on_reply(const message& one, std::string& out);
    void on_row(const message& one);
    void on_ready(char status);
    void settle(const outstanding& done, char status);
    void settle_rows(std::vector<unsigned>& rows, fate what);
    static void encode(const request& one, std::string& out);

    settings told_;
    const settings own_;
    std::vector<group> script_;
    std::size_t at_ = 0;
    std::deque<outstanding> outstanding_;
    std::vector<unsigned> in_block_;  // rows of the open transaction
    char status_ = 'I';
    bool failed_ = false;  // a request of the present group
    bool roll_back_ = false;
    bool ended_ = false;
    bool fatal_ = false;
    bool doubtful_ = false;  // whether another ReadyForQuery comes
    std::string input_;
    std::map<unsigned, fate> fates_;
    prepared_statements prepared_;
    std::map<std::string, unsigned> errors_;
};

}  // namespace pgballast::sim
