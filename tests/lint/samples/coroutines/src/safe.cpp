// co_await in a comment: g(co_await a())
awaitable<int> safe(int c) {
    co_await a();
    const char* text = "switch (co_await x())";
    auto x = co_await a(c, 1'000, text);
    const std::optional<std::pair<int, int>> pair = co_await b();
    const auto& [error, size] = co_await socket.async_read_some(buffer(data), as_tuple(use_awaitable));
    [[maybe_unused]] const auto executor = co_await this_coro::executor;
    x = co_await a();
    state.last = co_await a();
    if (const auto failed = co_await a(std::exchange(out, {})); failed)
        co_return 1;
    if (c)
        co_await a();
    else
        co_await b();
    for (int i = 0; i < c; ++i)
        co_await a();
    for (;;) {
        co_await timer.async_wait(redirect_error(use_awaitable, error));
        if (error)
            break;
    }
    if (c) {
        co_await (a() || b());
    }
    switch (c) {
        case wish::login:
            co_await a();
            break;
        default:
            co_await b();
    }
    auto handler = [](int n) -> awaitable<void> { co_await a(n); };
    co_spawn(executor, handler, detached);
    co_spawn(executor, [n = c]() -> awaitable<void> { co_await a(n); }, detached);
    co_return co_await b();
}
