// A transaction block whose backend is lost: answered as PostgreSQL answers in a block that
// has failed, without a server. PostgreSQL, "exec_simple_query" and its kind: all but what
// ends the block is 25P02.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pgballast/session/message_stream.hpp"

namespace pgballast::session {

/// Unlike PostgreSQL's, the block has no savepoints to go back to, and cannot be prepared:
/// ROLLBACK TO and PREPARE TRANSACTION fail like everything else. A text that cannot be
/// parsed fails as well, so that nothing passes for the end of a block by its first words.
class aborted_block {
 public:
    /// What the client is told once, at the first request that fails.
    struct news {
        std::string sqlstate;
        std::string message;
        std::string detail;
        std::string hint;
    };

    /// Without `untold` the client knows that the block has failed: also that COMMIT is
    /// answered by ROLLBACK. `opening`: what would open a block of the same characteristics;
    /// empty if that is not known.
    explicit aborted_block(std::optional<news> untold, std::string opening = {})
        : untold_{std::move(untold)}, opening_{std::move(opening)} {}

    enum class then {
        stays,         // in the block
        over,          // and no more; its ReadyForQuery, if any, is in the reply
        over_skipped,  // … by an error of the extended protocol: up to Sync, all is skipped
        again,         // AND CHAIN: a new block, which `opening` opens
    };

    struct answer {
        std::string reply;
        then what = then::stays;
        std::string left;     // of a text: the statements behind the one that ended the block
        bool passed = false;  // Parse, Close: done, and not failed
    };

    /// What a prepared statement, by its name, was made from; nothing if there is none.
    using text_finder = std::function<std::optional<bytes>(bytes name)>;

    /// Takes the next message, whole, or the first part of one that is too large to be what
    /// ends a block. Terminate is not for here.
    answer take(const message_stream::piece& message, const text_finder& find_text);

    /// The client has not been told yet.
    bool untold() const noexcept { return untold_.has_value(); }

    const std::string& opening() const noexcept { return opening_; }

    /// The error was told in the extended protocol, and Sync has not come.
    void skip_to_sync() noexcept { skipping_ = true; }

 private:
    enum class ends { no, by_commit, by_rollback };
    struct judged {
        ends how = ends::no;
        bool chains = false;
        bool empty = false;
        std::size_t rest = 0;  // where the next statement begins; 0: there is none
    };

    judged judge(bytes text) const;
    answer query(bytes text);
    answer parse(bytes body, const text_finder& find_text);
    answer bind(bytes body, const text_finder& find_text);
    answer describe(bytes body, const text_finder& find_text);
    answer execute(bytes body);
    answer close(bytes body);
    answer sync();
    answer failed();
    answer ended(judged how);
    void append_error(std::string& out);
    answer failed_by(bytes sqlstate, const std::string& message);
    answer no_statement(const std::string& name);
    answer no_portal(const std::string& name);
    std::optional<judged> statement(bytes name, const text_finder& find_text) const;

    std::optional<news> untold_;
    std::string opening_;
    bool skipping_ = false;
    std::map<std::string, judged, std::less<>> statements_;  // parsed since
    std::map<std::string, judged, std::less<>> portals_;
};

}  // namespace pgballast::session
