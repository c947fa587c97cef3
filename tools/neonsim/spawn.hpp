// Starts a coroutine nobody waits for.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "event.hpp"

namespace neonsim {

/// What it throws ends the program, through io_context::run: peers' errors are returned.
inline void start_task(asio::any_io_executor executor, task<void> what) {
    asio::co_spawn(executor, std::move(what), [](std::exception_ptr thrown) {
        if (thrown)
            std::rethrow_exception(thrown);
    });
}

}  // namespace neonsim
