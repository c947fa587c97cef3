#include "monitor.hpp"

#include "activity.hpp"
#include "admin_connection.hpp"

namespace neonsim {
namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 500ms;

}  // namespace

task<bool> inactive(std::filesystem::path socket, const settings& current) {
    using clock = activity::clock;
    const auto executor = co_await asio::this_coro::executor;
    admin_connection server{executor};
    const auto refused = co_await server.connect(socket);
    if (refused)
        co_return false;

    activity seen{clock::now()};
    for (bool first = true;; first = false) {
        // The first look is at once: counters tell of activity only by what they were before.
        if (!first)
            co_await sleep_for(look_every);
        // The empty query, while nobody wants to know, still tells us that the server has gone.
        const char* const question = current.autosuspend ? activity_query : "";
        const auto asked = clock::now();
        const auto answer = co_await server.query(question);
        if (!answer)
            co_return false;
        if (answer->empty()) {
            seen.touch(asked);
            continue;
        }
        seen.observe(answer->front(), asked);
        if (current.autosuspend && asked - seen.last() >= *current.autosuspend)
            co_return true;
    }
}

}  // namespace neonsim
