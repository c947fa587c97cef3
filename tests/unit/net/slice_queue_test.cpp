#include "../../../src/net/slice_queue.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>

using namespace pgballast::net;

namespace {

std::string all(const slice_queue& queue) {
    std::array<iovec, 16> parts;
    const auto gathered = queue.gather(parts);
    std::string result;
    for (std::size_t i = 0; i < gathered.count; ++i)
        result.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    CHECK(result.size() == gathered.size);
    return result;
}

}  // namespace

TEST_CASE("a queue of slices gives back what it was given, in order") {
    slab memory;
    slice_queue::pool nodes;
    slice_queue queue;
    CHECK(queue.empty());
    queue.push(nodes, memory.copy("one"));
    queue.push(nodes, memory.copy("two"));
    CHECK(queue.front().view() == "one");
    CHECK(queue.pop(nodes).view() == "one");
    queue.push(nodes, memory.copy("three"));
    CHECK(queue.pop(nodes).view() == "two");
    CHECK(queue.pop(nodes).view() == "three");
    CHECK(queue.empty());
}

TEST_CASE("bytes are dropped from the front of a queue at every boundary") {
    slab memory;
    slice_queue::pool nodes;
    const std::string text = "onetwothree";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        slice_queue queue;
        queue.push(nodes, memory.copy("one"));
        queue.push(nodes, memory.copy("two"));
        queue.push(nodes, memory.copy("three"));
        queue.remove_prefix(nodes, size);
        CHECK(all(queue) == text.substr(size));
        queue.clear(nodes);
    }
}

TEST_CASE("no more slices are gathered than fit, and more nodes than are kept come and go") {
    slab memory;
    slice_queue::pool nodes;
    slice_queue queue;
    for (std::size_t i = 0; i < slice_queue::pool::free_max + 100; ++i)
        queue.push(nodes, memory.copy("x"));
    std::array<iovec, 3> parts;
    CHECK(queue.gather(parts).count == 3);
    CHECK(queue.gather(parts).size == 3);
    queue.clear(nodes);
    CHECK(queue.empty());
    queue.push(nodes, memory.copy("y"));
    queue.clear(nodes);
}
