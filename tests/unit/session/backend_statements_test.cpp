#include "pgballast/session/backend_statements.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace pgballast::session;

namespace {

statement named(const std::string& name) {
    return {name, "select 1"};
}

/// Uses the statement and waits for all replies.
preparation use(backend_statements& backend, const std::string& name) {
    const auto sent = backend.prepare(named(name));
    backend.sync_sent();
    if (sent != preparation::none)
        backend.done();
    if (sent == preparation::replace)
        backend.done();
    backend.sync_done();
    return sent;
}

/// The names that are closed until there is none too many.
std::string evict_all(backend_statements& backend) {
    std::string names;
    while (const auto name = backend.evict()) {
        names += *name;
        backend.sync_sent();
        backend.done();
        backend.sync_done();
    }
    return names;
}

}  // namespace

TEST_CASE("a backend parses a statement once, however often it is used") {
    backend_statements backend;
    CHECK(backend.prepare(named("a")) == preparation::parse);
    CHECK(backend.prepare(named("a")) == preparation::none);  // skipped with it, if at all
    CHECK(backend.prepare(named("b")) == preparation::parse);
    backend.sync_sent();
    backend.done();
    backend.done();
    backend.sync_done();
    CHECK(backend.prepare(named("a")) == preparation::none);
    CHECK(backend.prepare(named("b")) == preparation::none);
    CHECK(backend.size() == 2);
}

TEST_CASE("nothing is built on a Parse of an earlier segment that may yet fail") {
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        backend_statements backend;
        CHECK(backend.prepare(named("a")) == preparation::parse);
        backend.sync_sent();
        CHECK(backend.prepare(named("a")) == preparation::replace);
        CHECK(backend.prepare(named("a")) == preparation::none);
        backend.sync_sent();
        if (fails)
            backend.failed();
        else
            backend.done();
        backend.sync_done();
        backend.done();
        backend.done();
        backend.sync_done();
        CHECK(backend.prepare(named("a")) == preparation::none);
        CHECK(backend.size() == 1);
    }
}

TEST_CASE("a Parse that failed or was skipped is sent again") {
    backend_statements backend;
    CHECK(backend.prepare(named("a")) == preparation::parse);
    CHECK(backend.prepare(named("b")) == preparation::parse);
    backend.done();
    backend.failed();
    CHECK(backend.prepare(named("b")) == preparation::none);  // the server skips
    CHECK(backend.prepare(named("c")) == preparation::none);
    backend.close_sent("a");
    backend.other_sent();
    backend.sync_sent();
    backend.sync_done();
    CHECK(backend.size() == 1);
    CHECK(use(backend, "a") == preparation::none);
    CHECK(use(backend, "b") == preparation::parse);
    CHECK(use(backend, "c") == preparation::parse);
}

TEST_CASE("replies to what is about no shared statement change nothing") {
    backend_statements backend;
    backend.other_sent();
    CHECK(backend.prepare(named("a")) == preparation::parse);
    backend.other_sent();
    backend.done();
    CHECK(backend.prepare(named("a")) == preparation::none);
    backend.sync_sent();
    CHECK(backend.prepare(named("a")) == preparation::replace);
    backend.done();
    backend.done();
    backend.sync_done();
    backend.failed();
    backend.sync_sent();
    CHECK(use(backend, "a") == preparation::none);
}

TEST_CASE("the statement that was used longest ago goes first") {
    backend_statements backend{3};
    for (const auto* name : {"a", "b", "c"})
        use(backend, name);
    CHECK_FALSE(backend.evict());
    use(backend, "a");
    use(backend, "d");
    CHECK(evict_all(backend) == "b");
    use(backend, "e");
    use(backend, "f");
    CHECK(evict_all(backend) == "ca");
    CHECK(backend.size() == 3);
    CHECK(use(backend, "d") == preparation::none);
    CHECK(use(backend, "b") == preparation::parse);
    CHECK(evict_all(backend) == "e");
}

TEST_CASE("what is in flight is spared while there is room for it") {
    backend_statements backend{2};
    use(backend, "a");
    use(backend, "b");
    backend.prepare(named("a"));
    backend.prepare(named("b"));
    CHECK(backend.prepare(named("c")) == preparation::parse);
    CHECK_FALSE(backend.evict());
    backend.sync_sent();
    CHECK_FALSE(backend.evict());
    backend.done();
    CHECK_FALSE(backend.evict());
    backend.sync_done();
    CHECK(backend.evict() == "a");
    CHECK_FALSE(backend.evict());
}

TEST_CASE("a segment that never ends does not grow without bound either") {
    backend_statements backend{2};
    for (int number = 0; number < 1'000; ++number) {  // each behind a Flush
        const auto name = std::to_string(number);
        CHECK(backend.prepare(named(name)) == preparation::parse);
        const auto closed = backend.evict();
        CHECK(closed != name);
        backend.done();
        if (closed)
            backend.done();
        CHECK(backend.size() <= 4);
    }
}

TEST_CASE("the statement just prepared is not closed before its use") {
    for (const std::size_t limit : {0, 1}) {
        backend_statements backend{limit};
        CHECK(backend.prepare(named("a")) == preparation::parse);
        CHECK_FALSE(backend.evict());
        CHECK(backend.prepare(named("b")) == preparation::parse);
        CHECK_FALSE(backend.evict());  // "a" is being parsed
        backend.done();
        CHECK(backend.prepare(named("a")) == preparation::none);
        CHECK_FALSE(backend.evict());
        backend.done();
        CHECK(backend.evict() == "b");
        CHECK_FALSE(backend.evict());
        CHECK(backend.prepare(named("a")) == preparation::none);
    }
}

TEST_CASE("a statement under eviction is parsed again, and one that stayed is evicted again") {
    backend_statements backend{1};
    use(backend, "a");
    use(backend, "b");
    CHECK(backend.evict() == "a");
    CHECK(backend.prepare(named("a")) == preparation::parse);  // behind the Close
    backend.sync_sent();
    backend.failed();  // skips both
    backend.sync_done();
    CHECK(backend.size() == 2);
    CHECK(use(backend, "a") == preparation::none);
    CHECK(backend.evict() == "b");
    backend.sync_sent();
    CHECK(backend.prepare(named("b")) == preparation::replace);
    backend.failed();
    backend.sync_done();
    backend.done();
    backend.done();
    CHECK(backend.prepare(named("b")) == preparation::none);
}

TEST_CASE("a plan that is out of date is replaced at its next use") {
    backend_statements backend;
    use(backend, "a");
    backend.doubt_all();
    CHECK(backend.size() == 1);
    CHECK(backend.prepare(named("a")) == preparation::replace);
    CHECK(backend.prepare(named("a")) == preparation::none);
    backend.failed();  // neither Close nor Parse was read
    backend.sync_sent();
    backend.sync_done();
    CHECK(use(backend, "a") == preparation::replace);
    CHECK(use(backend, "a") == preparation::none);
    CHECK(use(backend, "unknown") == preparation::parse);
}

TEST_CASE("DISCARD ALL leaves a backend without statements") {
    backend_statements backend{2};
    use(backend, "a");
    use(backend, "b");
    backend.prepare(named("c"));
    backend.clear();
    CHECK(backend.size() == 1);
    CHECK_FALSE(backend.evict());
    backend.done();
    CHECK(backend.prepare(named("c")) == preparation::none);
    CHECK(backend.prepare(named("a")) == preparation::parse);
}

TEST_CASE("a Close of our own makes room") {
    backend_statements backend{1};
    use(backend, "a");
    backend.close_sent("a");
    backend.close_sent("never there");
    CHECK(backend.size() == 0);
    backend.done();
    backend.done();
    CHECK(use(backend, "a") == preparation::parse);
    CHECK_FALSE(backend.evict());
}

TEST_CASE("ten thousand statements leave no more than the limit behind") {
    backend_statements backend;
    for (int number = 0; number < 10'000; ++number) {
        use(backend, std::to_string(number));
        evict_all(backend);
        CHECK(backend.size() <= backend_statements::default_limit);
    }
    // A text that never parses leaves nothing.
    for (int number = 0; number < 10'000; ++number) {
        backend.prepare(named("bad" + std::to_string(number)));
        backend.sync_sent();
        backend.failed();
        backend.sync_done();
    }
    CHECK(backend.size() == backend_statements::default_limit);
    CHECK(use(backend, "9999") == preparation::none);
    CHECK(use(backend, "9000") == preparation::parse);
}
