// Clients, sessions, the ledger of a pool, backends: one round, as it was planned.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "model_backend.hpp"
#include "model_client.hpp"
#include "pgballast/pool/ledger.hpp"
#include "pgballast/session/session.hpp"
#include "pipe.hpp"
#include "plan.hpp"
#include "timeline.hpp"

namespace pgballast::sim {

/// A driver that is wrong on purpose, to see that a round would tell.
enum class sabotage {
    none,
    blind_retry,     // what was lost is run again
    false_success,   // what was lost is acknowledged
    no_answer,       // what was lost is not answered
    early_release,   // a backend is given away at any ReadyForQuery
    no_restoration,  // a backend is believed to report what the client wants
    leak,            // the backend of a client that leaves is forgotten
    no_cleaning,     // session mode: a backend keeps what its client has left behind
    silent_loss,     // session mode: an idle client is given another backend, and not told
    shared_session,  // session mode: a backend is given away like in transaction mode
};
inline constexpr std::array sabotage_names{
    "none",           "blind_retry", "false_success", "no_answer",   "early_release",
    "no_restoration", "leak",        "no_cleaning",   "silent_loss", "shared_session"};

/// What happened in a round, to see that rounds are worth something.
struct tally {
    unsigned events = 0;
    unsigned acknowledged = 0;
    unsigned unknown = 0;
    unsigned losses = 0;
    unsigned hidden = 0;
    unsigned lendings = 0;
    std::map<std::string, unsigned> errors;
};

class world {
 public:
    /// `round` must outlive it.
    world(const plan& round, sabotage wrong, bool verbose);
    ~world();

    /// Plays the round to its end. Throws `broken`.
    tally run();

    const auto& happened() const { return faults_.happened(); }

 private:
    struct client;
    struct backend;

    // clients.cpp: the driver of a client's connection
    void arrive(const client_plan& who);
    void speak(client& one);
    void from_client(client& one, bytes in);
    void feed_held(client& one);
    bool acquire(client& one);
    void lend(client& one, backend& to);
    void on_granted(client& one, backend& to);
    void refuse(client& one, const pool::failure& why);
    void from_backend(client& one, bytes in);
    void on_backend_lost(client& one, session::loss why);
    void at_idle(client& one);
    void give_back(client& one);
    void take_away(client& one);
    void leave_or_wait(client& one);
    void finish(client& one);
    void tell(client& one, bytes data);

    // backends.cpp: connections to the model, and how they are lost
    void connect();
    void on_unasked(backend& one, bytes in);
    void execute(backend& one);
    void execute_one(backend& one);
    void lose(backend& one, session::loss why);
    void discard(backend& one);
    void release(backend& one, bool used);
    void offer(backend& one);
    void run_errand(backend& one, bytes text, std::function<void()> then);
    void strike(backend& one, chance dice);
    bool strike_at(backend& one, std::string place);
    void check_rest(const backend& one) const;

    // world.cpp: the pool, and what holds at the end
    void settle();
    client* waiting(pool::ticket id);
    void check() const;
    void count();
    void log(const std::string& line) const;
    template <typename Deliver, typename End>
    std::unique_ptr<pipe> make_pipe(bool of_client, unsigned number, bool back, Deliver deliver,
                                    End end);

    const plan& round_;
    const sabotage wrong_;
    const bool verbose_;
    faults faults_;
    chance delays_;
    timeline time_;
    table rows_;
    config::database settings_;
    std::unique_ptr<pool::ledger> ledger_;
    std::vector<std::unique_ptr<client>> clients_;
    std::vector<std::unique_ptr<backend>> backends_;
    std::vector<backend*> idle_;
    tally tally_;
};

}  // namespace pgballast::sim
