// How requests are run again, on another backend, whose first backend is lost.
#pragma once

#include <cstddef>
#include <string>

#include "pgballast/session/hash.hpp"
#include "pgballast/session/requests.hpp"
#include "pgballast/session/transcript.hpp"

namespace pgballast::session {

/// How a loss has ended for the client.
enum class aftermath : char {
    none,         // it has not, or there was none
    restored,     // nothing was under way, and the session goes on
    unsent,       // its request was run again: the lost backend was sent nothing of it
    rolled_back,  // … the lost backend has rolled it back
    read_only,    // … it only reads
    undone,       // its transaction is gone, and so it wanted
    told,         // it was told, see `session::told_sqlstate`
};

/// What is known of a loss.
struct evidence {
    bool nothing_written = false;   // of the requests, to the socket
    bool by_administrator = false;  // FATAL 57P01 came first: a rollback, and the backend has
                                    // read nothing more
    transcript::replies so_far;
};

/// What may be done for requests that are outside a block.
enum class recourse {
    unknown,              // nothing: they may have run, or not
    run_again,            // nothing of them has had an effect
    if_rolled_back,       // run again, if nothing can have had effects beyond a rollback
    tell_if_rolled_back,  // … rows have been told already, so tell that it was rolled back
    if_read_only,         // run again, if it can only read; what was told is passed over
};

/// The requests, in the order they were sent.
std::string all_of(const std::vector<request>& requests);

/// By Rule U (E, FATAL 57P01 before anything has completed: a rollback), and by what the
/// requests are.
recourse recourse_for(const std::vector<request>& lost, const evidence& of);

/// The second run of what was lost.
struct recovery {
    static constexpr unsigned attempts_max = 5;

    aftermath how = aftermath::none;
    unsigned attempts = 0;
    std::string proof;       // a question to the new backend: may it be?
    bool tell_only = false;  // it may not, but the answer decides what the client is told

    // The client has heard this much of the replies already.
    std::size_t told = 0;
    digest told_digest{};
    bool rows_told = false;
    bool mid_message = false;  // it has the front of a reply's message

    // The second run's replies, up to that.
    std::size_t passed_over = 0;
    hasher again{};
    bool differs = false;

    bool passes_over() const noexcept { return passed_over < told; }

    /// What the client has been told by the run that `was` is of. A second one that ended
    /// before it told anything new has told nothing.
    void hear(const transcript& was, bool within_message) {
        if (!passes_over()) {
            mid_message = within_message;
            told = was.so_far().size;
            told_digest = was.digest_so_far();
            rows_told |= was.so_far().rows;
        }
        passed_over = 0;
        again.reset();
    }
};

}  // namespace pgballast::session
