// A condition variable for coroutines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace neonsim {

namespace asio = boost::asio;

template <class T>
using task = asio::awaitable<T>;

/// Lets coroutines wait until something has changed. All of neonsim runs on one
/// thread, so nothing can change between looking and waiting.
class event {
 public:
    explicit event(asio::any_io_executor executor)
        : never_{std::move(executor), asio::steady_timer::time_point::max()} {}

    /// Completes at the next `notify_all()`; look again at what was waited for.
    task<void> wait() {
        boost::system::error_code notified;
        co_await never_.async_wait(asio::redirect_error(asio::use_awaitable, notified));
    }

    void notify_all() { never_.cancel(); }

 private:
    asio::steady_timer never_;
};

/// Completes after `duration`, at once where that is zero or less.
inline task<void> sleep_for(std::chrono::nanoseconds duration) {
    if (duration <= duration.zero())
        co_return;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor, duration};
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace neonsim
