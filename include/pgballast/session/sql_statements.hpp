// The statements that a client has prepared by SQL's PREPARE, and what it would take to
// prepare them again.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

/// A statement can be prepared again if its PREPARE came alone in a text that is known, and
/// the settings that PREPARE looks at are what they were then: it freezes them.
class sql_statements {
 public:
    struct statement {
        std::string name;                          // as the server has it
        std::string text;                          // of its PREPARE
        std::optional<std::string> fingerprint{};  // of the settings then, once it is known
        bool before_look = false;                  // it was sent before the look under way
    };

    /// What a server has, as a look tells it: the name, and the SHA-256 of the text.
    using digests = std::vector<std::pair<std::string, std::string>>;

    static constexpr std::size_t max = 64;
    static constexpr std::size_t text_max = 8 * 1024;

    /// A PREPARE was sent while nothing was in flight. Without a fingerprint the next look
    /// tells the settings, too, if nothing else is sent before it.
    void sent(statement one);
    void other_sent();

    /// … and has completed, as the first command since; else it has failed when the client is
    /// told an error or that it may go on.
    void completed();
    void ended() noexcept { under_way_.reset(); }

    /// A look has found these, under these settings. False if they cannot all be made again.
    bool seen(const digests& there, wire::bytes fingerprint);

    /// DEALLOCATE has completed, or a setting has changed: they may be gone, or pin.
    void doubt() noexcept { unseen_ |= !carried_.empty() || incomplete_; }
    void clear();

    /// What was done since the last look has to be looked at.
    bool unseen() const noexcept { return unseen_; }
    bool begin_look() noexcept;
    void look_lost() noexcept { unseen_ = true; }
    void look_failed() noexcept { made_.clear(); }

    /// Those that the server has, and another could be given.
    const std::vector<statement>& carried() const noexcept { return carried_; }

 private:
    std::vector<statement> carried_;
    std::optional<statement> under_way_;
    std::vector<statement> made_;  // and not seen yet
    bool unseen_ = false;
    bool incomplete_ = false;  // the server has others
};

}  // namespace pgballast::session
