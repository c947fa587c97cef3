#include "uring_buffers.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace pgballast::net {
namespace {

constexpr std::size_t ring_size = uring_buffers::count * sizeof(io_uring_buf);

}  // namespace

uring_buffers::~uring_buffers() {
    if (ring_)
        ::munmap(ring_, ring_size);
}

boost::system::error_code uring_buffers::open(io_uring& ring) {
    // The kernel wants it to begin on a page.
    void* mapped =
        ::mmap(nullptr, ring_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return {errno, boost::system::system_category()};
    ring_ = static_cast<io_uring_buf_ring*>(mapped);

    io_uring_buf_reg what{};
    what.ring_addr = reinterpret_cast<std::uintptr_t>(mapped);
    what.ring_entries = count;
    what.bgid = group;
    if (const int result = io_uring_register_buf_ring(&ring, &what, 0); result < 0)
        return {-result, boost::system::system_category()};

    io_uring_buf_ring_init(ring_);
    chunks_.reserve(count);
    for (std::uint16_t id = 0; id < count; ++id) {
        chunks_.emplace_back(memory_.take());
        offer(id);
    }
    return {};
}

slice uring_buffers::received(std::uint16_t id, std::size_t size) {
    const slice& whole = chunks_[id];
    if (size <= copy_max)
        return memory_.copy({whole.data(), size});
    return whole.prefix(size);
}

void uring_buffers::refill(std::uint16_t id) {
    if (!chunks_[id].unique())
        chunks_[id] = slice{memory_.take()};
    offer(id);
}

void uring_buffers::offer(std::uint16_t id) {
    auto& home = chunks_[id].home();
    io_uring_buf_ring_add(ring_, home.data(), home.capacity, id, io_uring_buf_ring_mask(count), 0);
    io_uring_buf_ring_advance(ring_, 1);
}

}  // namespace pgballast::net
