// A client's session, without a socket: bytes and events in, steps out.
//
// The driver feeds what arrives and carries out one step at a time until it is
// told `done`. Every decision about whose bytes go where, when a backend may be
// given away, and what a client is told when one is lost, is made here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pgballast/session/aborted_block.hpp"
#include "pgballast/session/backend_state.hpp"
#include "pgballast/session/client_statements.hpp"
#include "pgballast/session/expected_replies.hpp"
#include "pgballast/session/knowledge.hpp"
#include "pgballast/session/message_stream.hpp"
#include "pgballast/session/recovery.hpp"
#include "pgballast/session/restore.hpp"
#include "pgballast/session/unnamed_statement.hpp"
#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/prepared.hpp"

namespace pgballast::session {

/// Who keeps a backend: its client until the transaction ends; until it leaves; or until
/// somebody else needs it.
enum class mode { transaction, session, automatic };

enum class act {
    done,     // the input is used up
    send,     // `out()` goes to the other side
    drop,     // nothing goes anywhere
    reply,    // `out()` goes back where the input came from
    acquire,  // a backend is needed before the rest of the input can be used
    wait,     // the rest of the input waits for `resume`, as what was fed may
    idle,     // nothing is in flight and no transaction open: the backend may be released.
              // Said by from_client too, where a message that means nothing ends late
    ask,      // `out()` is a query of our own and goes to the backend
    looked,   // a query of our own has been answered; nothing is in flight
    resume,   // the client's input that was told to wait may be fed again
    again,    // `out()` is to be fed as the client's input, in front of all that waits
    leave,    // the client has said goodbye: close it, once all has been answered
    fail,     // `out()` goes to the client, which is then closed
    lost,     // the backend ended the session or broke the protocol: drop it, then
              // call `backend_lost` with `last_words()`
};

/// First the first `relay` bytes of the input go to the other side as they are;
/// then comes `what`, with the next `used` bytes of the input.
struct step {
    std::size_t relay = 0;
    act what = act::done;
    std::size_t used = 0;
};

/// What a backend said before it ended the session, if it did.
struct loss {
    std::string sqlstate;  // empty: it closed without a word
    std::string message;
    bool by_error = false;  // a FATAL error was the first that it said of its end
};

/// What a driver knows of a loss, and what has been set for it.
struct circumstances {
    bool nothing_written = false;    // of what is in flight, to the socket
    bool may_run_again = true;       // there is time for that
    bool close_lost_blocks = false;  // and do not answer as an aborted block
    bool may_make_up = false;        // a pooler stands before the server, which says 57P01 itself
};

/// Of an error that ended the session. One without a text is told from none.
loss loss_by(const wire::error_fields& last_error);

class session {
 public:
    /// `told`: what the client was told at login, its own startup values put in.
    /// `message_max` bounds the body of a client's message, in bytes.
    session(mode how, reported_ptr told, startup_settings_ptr startup,
            std::uint32_t message_max = wire::body_size_max,
            database_ptr about = std::make_shared<database>(),
            statement_registry_ptr statements = std::make_shared<statement_registry>());

    /// The client has sent `in`. Call again with what is left until it says `done`;
    /// at `acquire` and `wait` the rest is to be kept.
    step from_client(bytes in);

    /// The backend that is lent has sent `in`. As above; after `idle` the backend
    /// is still lent, until `detach`.
    step from_backend(bytes in);

    /// Lends a backend. `out()` then holds what goes to it before the client's
    /// bytes, in the same write; mostly nothing.
    void attach(backend_state& backend);

    /// Takes the backend away, at `idle` or because it is closed.
    void detach() noexcept;

    /// The backend that was lent is gone; its state is still there. Returns `reply` (tell the
    /// client `out()`, it goes on), `fail` (tell it and close), `acquire` (nothing of the
    /// client was sent yet: another one is needed), `again` or `drop` (nothing to tell).
    step backend_lost(loss why, const circumstances& at = {});

    /// What a lost backend was doing is being run again, or is about to be.
    bool runs_again() const noexcept { return recovery_ != nullptr; }

    /// How the last loss has ended for the client, once; `none` while it has not.
    aftermath take_aftermath() noexcept { return std::exchange(aftermath_, aftermath::none); }

    /// What it was told, where it was.
    bytes told_sqlstate() const noexcept { return told_sqlstate_; }

    /// Before a backend is acquired that would have to be woken: answers what is at the front
    /// of `in`, if that needs none. Returns how much that is, with the answer in `out()`, or 0.
    /// `select1`: also to SELECT 1.
    std::size_t answer_asleep(bytes in, bool select1);

    /// No backend could be had for the request that waits. Returns `reply` or `fail`.
    /// The waiting input is fed again afterwards: its request is passed over.
    step refuse(const wire::error_message& why);

    /// Ends the session with an error, where one fits into the stream. Returns `fail`.
    step end(const wire::error_message& why) { return fail_with(why); }

    /// Asks the backend what cannot be known otherwise before it may serve somebody else.
    /// True if there is something to ask: `out()` goes to the backend. Only while `is_idle`.
    bool look(std::chrono::steady_clock::time_point now);

    /// There is something to ask in the client's think time.
    bool must_look() { return keeps_session() && known_.must_look(); }

    bool must_look_at_once() const noexcept { return known_.must_look_at_once(); }

    /// Whatever its client has made of the session is known, and can be carried to another
    /// backend: this one may be taken away.
    bool portable() {
        return is_idle() && !unnamed_.only_there() && !known_.pinned() && !must_look();
    }
    bool pinned() const noexcept { return known_.pinned(); }

    /// What keeps the session on its backend, in words; empty if nothing.
    std::string pin() const { return known_.pin(); }

    bytes out() const noexcept { return out_; }
    const loss& last_words() const noexcept { return last_words_; }
    const reported_ptr& told() const noexcept { return told_; }

    /// `from_client` has to be called when the client may be heard again, though nothing of
    /// its input waits.
    bool holds_message() const noexcept { return front_due_ || !refeed_.empty(); }

    /// The client has the front of a message whose rest is due: nothing else fits.
    bool within_reply() const noexcept { return backend_body_relayed_; }

    /// The client's bytes wait until what `attach` said has been answered.
    bool must_wait() const noexcept { return phase_ == phase::restoring; }

    /// The names of the settings that this client has of its own, for the log.
    std::string carried() const;

    /// No transaction open, nothing in flight, no message half sent.
    bool is_idle() const noexcept { return txn_ == wire::txn::idle && nothing_under_way(); }

    /// Requests have been sent whose replies are not complete.
    bool in_flight() const noexcept { return expected_.owes(); }

    /// … that prepares what the client has prepared by SQL. It may wait for a lock.
    bool prepares_by_sql() const noexcept { return expected_.front_own() == own::prepare; }

    /// What is in flight first is a query of our own.
    bool restoration_under_way() const noexcept { return expected_.front_is_own(); }

    /// What is in flight comes to its end without another byte from the client.
    bool can_finish_alone() const noexcept {
        return phase_ == phase::ready && !expected_.segment_open() && !expected_.copying_in() &&
               !client_.within_message();
    }

    /// The client has a transaction open and thinks.
    bool idle_in_transaction() const noexcept {
        return txn_ != wire::txn::idle && nothing_under_way();
    }

    /// Something of this client has run on the backend that is lent.
    bool backend_used() const noexcept { return backend_used_; }

    /// A cancel request is about to be sent to the backend that is lent.
    void expect_cancel() noexcept { cancel_answered_ = false; }

    /// Since then a query has ended with 57014 because of a cancel request.
    bool cancel_answered() const noexcept { return cancel_answered_; }

 private:
    enum class phase {
        ready,
        restoring,     // the answer to a restoration is awaited, and the client waits
        settling,      // what was asked before decides what the client's message means
        lost_segment,  // the error was told; the client's messages are skipped to its Sync
        failed,        // nothing more is done for this client
    };
    enum class route { relay, swallow };

    bool nothing_under_way() const noexcept {
        return expected_.all_done() && front_.empty() && !client_.within_message();
    }

    bool keeps_session() const noexcept { return how_ != mode::transaction; }
    void plan_hand_over(backend_state& backend);
    void send_restoration(const backend_state& backend);
    void prepare_by_sql();
    std::string question_about_code() const;
    void open_block();
    void prove();
    bool is_dirty(const backend_state& backend) const noexcept;
    bool as_left(const backend_state& backend) const noexcept;

    // from_client.cpp
    std::optional<step> gate_type(char type);
    std::optional<step> gate(const wire::frame_header& header);
    std::optional<step> gate_without_backend(char type);
    std::size_t skip_message(bytes in);
    step protocol_violation(const std::string& what);
    void note_request(const message_stream::piece& piece);
    void keep_asked(const message_stream::piece& piece);
    std::optional<step> send_request(const message_stream::piece& piece);
    static bytes text_of(const message_stream::piece& piece) noexcept;
    void note_text(const message_stream::piece& piece);
    void note_run(bytes text, const sql::text_facts& facts);
    void note_run_again(bytes text, sql::trace left);
    void note_setting(bytes text, sql::trace left);

    bool as_at_login() const noexcept;

    // prepared.cpp
    enum class routing {
        as_it_is,
        rewritten,  // `out()` goes to the backend instead
        answered,   // `out()` goes to the client
        wait,       // until something that is in flight has been answered
        refused,    // `out()` goes to the client, which is closed
    };
    std::optional<step> send_front(bytes front, bool whole, std::size_t used);
    step send_held_front();
    step hold_front(bytes front, bool whole, std::size_t used);
    bool must_settle(const client_statements::meaning& of) const noexcept;
    bool is_alone(const statement& one) const noexcept;
    void close_oldest_statement();
    void close_statement(bytes server_name);
    routing send_as(bytes message, const wire::subject& about, bool whole);
    routing send_parse(bytes message, bytes name, bool whole);
    routing send_unnamed(bytes message);
    routing send_named(bytes message, const wire::subject& about);
    routing send_deallocate(bytes text, bool simple);
    void prepare(const statement& used);
    statement_ptr make_statement(bytes name, bytes definition);
    bool parse_settings_are_certain() const;
    void count_reply();
    void forget_statements(bytes tag);
    bool rename_in_error(bytes body);
    void note_failure(bool of_unnamed_parse, std::size_t unnamed_skipped);

    // from_backend.cpp
    std::optional<step> judge(const message_stream::piece& piece);
    std::optional<step> judge_own(const message_stream::piece& piece);
    std::optional<step> on_error(const message_stream::piece& piece);
    bool may_run_afresh() const;
    step run_afresh();
    std::optional<step> on_notice(const message_stream::piece& piece);
    std::optional<step> on_parameter(const message_stream::piece& piece);
    std::optional<step> on_ready_for_query(const message_stream::piece& piece);
    std::optional<step> on_own_ready(own what, wire::txn status);
    step on_restored();
    step on_surveyed();
    step on_opened(wire::txn status);
    step on_startup_restored(wire::txn status);
    step looked() const noexcept;
    void on_own_row(const message_stream::piece& piece);
    void look_at(bytes row);
    bytes whole_types() const noexcept;
    std::optional<act> take_due() noexcept;
    void note_command(bytes tag);
    std::optional<step> restore_startup();
    void ask(own what, bytes text);
    bool tell_changes();
    step violated(const char* what);

    // loss.cpp
    void forget_what_was_under_way();
    void append_taken_back(std::string& out);
    step fail_with(const wire::error_message& error);
    step restoration_lost();
    step session_lost();
    bool relies_on_lost_state(const wire::frame_header& header) const noexcept;
    step requests_lost(const transcript& was, const std::vector<request>& lost,
                       const circumstances& at);
    step run_again(const transcript& was, const std::vector<request>& lost, recourse how,
                   std::string proof);
    void block_lost(wire::txn before, std::string opening, const circumstances& at);
    step block_lost_in_use(wire::txn before, const transcript& was, std::string opening,
                           const std::vector<request>& lost, const circumstances& at);
    step lost_block_closes();
    step outcome_unknown(const std::vector<request>& lost, const transcript::replies& so_far,
                         bool in_block);
    step tell_first(const std::vector<request>& lost, const transcript::replies& so_far,
                    const wire::error_message& error, bool in_block);
    step first_did_not_run(const std::vector<request>& lost, const transcript::replies& so_far);
    step tell_withheld(wire::txn status, step next);
    step tell_and_go_on(std::string out, bool ended, bool in_block, bytes sqlstate);
    step torn();
    step unreadable_lost(bool in_block);
    step answer_requests(const wire::error_message& error, bool in_block);
    step second_run_differs(const std::vector<request>& lost);
    step refuse_waiting(const wire::error_message& why);
    bool died_by_administrator() const noexcept;
    std::optional<bytes> definition_of(bytes name) const;
    void abort_block(std::optional<aborted_block::news> untold, std::string opening);
    aborted_block::news lost_transaction() const;
    void told(bytes sqlstate);

    // recovered.cpp
    step in_aborted_block(bytes in);
    step answered_in_block(aborted_block::answer answer, const message_stream::piece& message);
    void note_in_block(const message_stream::piece& message);
    std::optional<step> tell(char type, bytes part, bool ends);
    std::optional<step> pass_over(bytes part, bool ends);
    step replies_differ();
    step tell_instead(std::string message);
    step on_proved();

    mode how_;
    phase phase_ = phase::ready;
    wire::txn txn_ = wire::txn::idle;
    route client_body_ = route::relay;   // where the rest of the client's message goes
    route backend_body_ = route::relay;  // where the rest of the backend's message goes
    bool backend_body_relayed_ = false;  // the client has the front of a message whose rest is due
    bool idle_due_ = false;              // `act::idle` is owed to the driver
    bool idle_withheld_ = false;         // until the client's message has ended
    bool resume_due_ = false;            // `act::resume` is owed to the driver
    bool told_due_ = false;              // the client has to be told changed parameters
    bool backend_used_ = false;
    bool cancel_answered_ = false;
    bool restoration_failed_ = false;
    bool catalog_asked_ = false;   // the first row of the restoration answers that
    bool own_failed_ = false;      // the query of our own that is being answered
    bool row_seen_ = false;        // … has had its row
    bool reset_seen_ = false;      // startup values may be gone
    bool sets_in_block_ = false;   // a SET LOCAL may be in force
    bool ready_withheld_ = false;  // a ReadyForQuery, until startup values are set again
    bool pass_next_ = false;       // the next message was refused already
    bool pipelines_ = false;       // the client does not wait for answers
    bool proved_ = false;          // the question of `recovery_` was answered by yes
    bool to_run_afresh_ = false;   // what has just failed, see `may_run_afresh`
    bool ran_afresh_ = false;      // it does, or did: not once more
    char waiting_type_ = 0;        // of the message that `act::acquire` was said for

    /// Backends lost one after the other while they were being restored: there may be
    /// as many dead ones in the pool, but the text must not kill one after the other.
    static constexpr unsigned restorations_lost_max = 100;
    unsigned restorations_lost_ = 0;

    // What a lost backend took with it.
    bool lost_while_idle_ = false;            // the next backend has to be made equal
    std::unique_ptr<aborted_block> aborted_;  // its transaction, which answers by itself
    std::optional<std::string> closes_;       // instead, the cause: the next request is the last
    std::string opening_;                     // of a block that the next backend has to open
    std::string refeed_;                      // to be fed next, see `act::again`
    std::unique_ptr<recovery> recovery_;      // what is being run again
    aftermath aftermath_ = aftermath::none;
    std::string told_sqlstate_;
    bool shutdown_noticed_ = false;  // by a warning: then an error proves nothing

    std::uint32_t message_max_;
    backend_state* backend_ = nullptr;
    message_stream client_;
    expected_replies expected_;
    reported_ptr told_;
    reported_ptr told_before_;  // the transaction that is open, if it has changed any
    const reported_ptr startup_told_;
    const startup_settings_ptr startup_;
    database_ptr about_;
    knowledge known_;
    statement_registry_ptr statements_;
    client_statements names_;
    std::string front_;         // of a message that waits, or whose names are not whole
    bool front_whole_ = false;  // the message is
    bool front_due_ = false;    // it has waited, and is to be sent next
    unnamed_statement unnamed_;
    sql::resets resets_;  // of the texts since nothing was in flight
    sql::trace unnamed_left_ = sql::trace::none;
    bool deallocates_ = false;  // a DEALLOCATE or DISCARD is in flight
    std::string deallocating_;  // the name that it speaks of
    std::unique_ptr<surveyor> surveyor_;
    std::uint64_t tenancy_ = 0;  // of the backend last lent, see backend_state
    std::string out_;
    restoration restoration_;  // the last one, which may be under way

    /// What it was planned for, if it can serve again.
    struct planned {
        reported_ptr at_login;
        reported_ptr told;
        startup_settings_ptr settings;
        bool operator==(const planned&) const = default;
    };
    planned planned_for_;
    loss last_words_;
};

}  // namespace pgballast::session
