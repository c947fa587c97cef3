// clang-format off
awaitable<void> traps(int c) {
    co_await f([t] { return t; });         // BAD
    co_await f(aggregate{c});              // BAD
    co_await f({.a = 1});                  // BAD
    auto x = c ? co_await a() : b;         // BAD
    auto y = c ? b : co_await a();         // BAD
    co_await (c ? a() : b());              // BAD
    aggregate z{co_await a(), 1};          // BAD
    aggregate w = {co_await a()};          // BAD
    auto v = aggregate{co_await a(), 1};   // BAD
    g(co_await a());                       // BAD
    auto u = 1 + co_await a();             // BAD
    if (co_await a())                      // BAD
        co_return;
    while (co_await a() > 1) {             // BAD
    }
    switch (co_await a()) {                // BAD
        default:
            break;
    }
    x += co_await a();                     // BAD
    if (auto e = g(co_await a()); e)       // BAD
        co_return;
    if (auto e = co_await f(aggregate{c}); e)  // BAD
        co_return;
    co_return aggregate{co_await a()};     // BAD
    co_await [](int n) -> boost::asio::awaitable<void> {  // BAD
        co_await b(n);
    }(c);                                  // BAD
    auto later = [n]() -> awaitable<int> {
        co_return n;
    }();                                   // BAD
    auto r =
        g(1,
          co_await a());                   // BAD
}
