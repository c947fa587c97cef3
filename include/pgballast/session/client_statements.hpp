// The prepared statements of one client, by the names it has given them.
#pragma once

#include "pgballast/session/statements.hpp"
#include "pgballast/session/tentative_map.hpp"

namespace pgballast::session {

/// Hears what the client sends and what it is told, whether a server or the proxy itself
/// has the answer. A statement outlives the backend it was parsed on.
///
/// The unnamed statement is not kept, only whether there may be one, which then is on the
/// backend that the client is lent: a null statement by an empty name.
class client_statements {
 public:
    /// A client may have so many; one that prepares more is to be refused.
    static constexpr std::size_t max = 1 << 16;

    struct meaning {
        session::standing standing = standing::absent;
        statement_ptr statement;  // of a name that is present, or will be if all goes well
    };

    /// What the client means by a name in the message it sends now. Where it is `absent`,
    /// the server knows best what to say, and says it of the name it is sent.
    meaning find(wire::bytes name) const;

    /// Whether a Parse of that name fails with 42P05. The server finds an error in the
    /// text first: so sending it that text under the server name of the present statement,
    /// once that has been prepared there, fails as it should, though with the wrong name.
    standing exists(wire::bytes name) const { return find(name).standing; }

    /// The client's own name for what the server calls `server_name`.
    std::optional<std::string> name_of(wire::bytes server_name) const;

    void parse_sent(wire::bytes name, statement_ptr made);
    void unnamed_parse_sent() { change({}, statement_ptr{}); }
    void close_sent(wire::bytes name) { change(name, std::nullopt); }

    /// Close of a portal.
    void other_close_sent() { names_.send_other(); }

    /// ParseComplete or CloseComplete was told.
    void done() { names_.done(); }

    /// A message of the extended protocol was answered by an error: see tentative_map.
    void failed() { names_.failed(); }
    void sync_sent() { names_.sync_sent(); }
    void sync_done() { names_.sync_done(); }

    /// A simple query has been answered: no unnamed statement is left.
    void query_done() { names_.forget({}); }

    /// DEALLOCATE has completed. Here and in `clear`: what the client sends behind such a
    /// command means what it will have left, so it has to wait for its end.
    void deallocate(wire::bytes name);

    /// DISCARD ALL or DEALLOCATE ALL has completed. They spare the unnamed statement.
    void clear();

    /// The client is lent its backend no more: the unnamed statement stays behind.
    void backend_left() { names_.forget({}); }

    /// What was under way is answered by nobody; the rest can be parsed again.
    void backend_lost();

    std::size_t size() const noexcept { return names_.size(); }
    bool full() const noexcept { return size() >= max; }

 private:
    void change(wire::bytes name, std::optional<statement_ptr> value);

    tentative_map<statement_ptr> names_;
};

}  // namespace pgballast::session
