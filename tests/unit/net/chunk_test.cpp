#include "pgballast/net/chunk.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace pgballast::net;

TEST_CASE("a chunk is lent for as long as a slice looks into it") {
    slab memory;
    {
        slice whole{memory.take()};
        CHECK(whole.size() == slab::chunk_size);
        CHECK(memory.lent() == slab::chunk_size);
        const slice part = whole.prefix(10);
        CHECK_FALSE(whole.unique());
        whole = {};
        CHECK(part.unique());
        CHECK(memory.lent() == slab::chunk_size);
    }
    CHECK(memory.lent() == 0);
}

TEST_CASE("a chunk that came back is taken again") {
    slab memory;
    const chunk* first = nullptr;
    {
        const slice whole{memory.take()};
        first = &whole.home();
    }
    const slice whole{memory.take()};
    CHECK(&whole.home() == first);
}

TEST_CASE("a chunk can be larger than usual") {
    slab memory;
    const slice whole{memory.take(slab::chunk_size + 1)};
    CHECK(whole.size() >= slab::chunk_size + 1);
    CHECK(memory.lent() == whole.size());
}

TEST_CASE("more chunks than are kept free can be lent and come back") {
    slab memory;
    std::vector<slice> lent;
    for (std::size_t i = 0; i < slab::free_max + 50; ++i)
        lent.emplace_back(memory.take());
    lent.clear();
    CHECK(memory.lent() == 0);
}

TEST_CASE("slices share, move and shrink") {
    slab memory;
    slice hello = memory.copy("hello, world");
    slice same = hello;
    CHECK(same.data() == hello.data());

    slice moved = std::move(same);
    CHECK(same.empty());  // NOLINT: moved from, and empty by contract
    moved.remove_prefix(7);
    CHECK(moved.view() == "world");
    CHECK(hello.view() == "hello, world");
    CHECK(hello.prefix(5).view() == "hello");

    const slice& itself = hello;
    hello = itself;
    CHECK(hello.view() == "hello, world");
}

TEST_CASE("small copies share a chunk and large ones have their own") {
    slab memory;
    CHECK(memory.copy("").empty());
    const slice a = memory.copy("a");
    const slice b = memory.copy("b");
    CHECK(&a.home() == &b.home());
    const std::string large(slab::copy_max + 1, 'x');
    const slice c = memory.copy(large);
    CHECK(&c.home() != &a.home());
    CHECK(c.view() == large);
    const std::string huge(5 * slab::chunk_size, 'y');
    CHECK(memory.copy(huge).view() == huge);
}

TEST_CASE("copies of every size keep their bytes while others come and go") {
    slab memory;
    std::vector<slice> copies;
    for (std::size_t size = 1; size < 600; ++size)
        copies.push_back(memory.copy(std::string(size, static_cast<char>(size))));
    for (std::size_t size = 1; size < 600; ++size)
        CHECK(copies[size - 1].view() == std::string(size, static_cast<char>(size)));
}

TEST_CASE("the memory of small copies is used again once all are gone") {
    slab memory;
    for (int i = 0; i < 1000; ++i)
        memory.copy(std::string(1000, 'x'));
    CHECK(memory.lent() == slab::chunk_size);
}
