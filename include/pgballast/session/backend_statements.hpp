// The prepared statements that one backend has, by their server names.
#pragma once

#include <boost/intrusive/list.hpp>

#include "pgballast/session/statements.hpp"
#include "pgballast/session/tentative_map.hpp"

namespace pgballast::session {

/// What has to be sent to a backend before a statement can be used there.
enum class preparation {
    none,
    parse,
    replace,  // Close, then Parse: nobody knows yet whether the backend has it
};

/// Hears what is sent to the backend and what it answers, about statements by their server
/// names only; its owner sends what it is told to, and swallows the replies to that.
///
/// Of more than `limit` the one that was used longest ago is closed. A server reads a Close
/// behind what was sent before it, so those in flight could be closed too; they are spared
/// as long as there are fewer than twice as many.
class backend_statements {
 public:
    static constexpr std::size_t default_limit = 500;

    /// A limit of zero counts as one.
    explicit backend_statements(std::size_t limit = default_limit)
        : limit_{std::max<std::size_t>(limit, 1)} {}

    /// A message that uses the statement is sent next, with this in front of it, which is
    /// taken for sent. `none` also while the server skips: it would skip that too.
    preparation prepare(const statement& used);

    /// The statement to be closed now, if there is one too many; its Close is taken for
    /// sent. Asked for after `prepare`, it is not the statement that was prepared.
    std::optional<std::string> evict();

    /// A Close was sent for other reasons.
    void close_sent(wire::bytes server_name);

    /// A Parse or Close was sent that is about none of these: unnamed, or of a portal.
    void other_sent() { names_.send_other(); }

    /// ParseComplete or CloseComplete has come.
    void done() { names_.done(); }

    /// A message of the extended protocol was answered by an error: see tentative_map.
    void failed() { names_.failed(); }
    void sync_sent() { names_.sync_sent(); }
    void sync_done() { names_.sync_done(); }

    /// Plans are out of date (0A000): each statement is parsed anew before its next use.
    void doubt_all() { names_.doubt_all(); }

    /// A DEALLOCATE of it has completed.
    void deallocate(wire::bytes server_name) { names_.forget(server_name); }

    /// DISCARD ALL or DEALLOCATE ALL has completed. What is sent behind such a command has
    /// to wait for that: it would rely on statements that go.
    void clear();

    /// It is there for certain.
    bool has(wire::bytes server_name) const {
        return names_.look_up(server_name).standing == standing::present;
    }

    /// Statements there, when what is under way goes well.
    std::size_t size() const noexcept { return names_.size(); }

 private:
    // Gone from the order of use when the name is gone.
    using order_hook = boost::intrusive::list_base_hook<
        boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    struct use : order_hook {
        const std::string* name = nullptr;
        std::uint64_t segment = 0;  // in which it was used last
    };

    using order = boost::intrusive::list<use, boost::intrusive::constant_time_size<false>>;
    using names = tentative_map<std::monostate, use>;

    void note_use(names::named_entry& of);

    std::size_t limit_;
    order order_;  // of the last use, the latest first
    names names_;
};

}  // namespace pgballast::session
