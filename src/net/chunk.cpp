#include "pgballast/net/chunk.hpp"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace pgballast::net {

slab::~slab() {
    scratch_ = {};
    assert(lent_ == 0);  // a slice outlives its slab
    while (free_) {
        auto* c = std::exchange(free_, free_->next_free);
        ASAN_UNPOISON_MEMORY_REGION(c->data(), c->capacity);
        ::operator delete(c);
    }
}

chunk& slab::take(std::size_t capacity) {
    chunk* c = free_;
    if (capacity <= chunk_size && c) {
        free_ = c->next_free;
        --free_count_;
        ASAN_UNPOISON_MEMORY_REGION(c->data(), c->capacity);
    } else {
        capacity = std::max(capacity, chunk_size);
        void* memory = ::operator new(sizeof(chunk) + capacity);
        c = new (memory) chunk{this, 0, static_cast<std::uint32_t>(capacity), nullptr};
    }
    lent_ += c->capacity;
    return *c;
}

void slab::give_back(chunk& c) noexcept {
    assert(c.owner == this && c.refs == 0);
    lent_ -= c.capacity;
    if (c.capacity != chunk_size || free_count_ == free_max) {
        ::operator delete(&c);
        return;
    }
    c.next_free = std::exchange(free_, &c);
    ++free_count_;
    ASAN_POISON_MEMORY_REGION(c.data(), c.capacity);  // shows a view that outlived its slice
}

slice slab::copy(bytes data) {
    if (data.empty())
        return {};
    if (data.size() > copy_max) {
        auto& c = take(data.size());
        std::memcpy(c.data(), data.data(), data.size());
        return {c, c.data(), data.size()};
    }

    if (scratch_.unique())
        scratch_used_ = 0;
    if (scratch_.size() - scratch_used_ < data.size()) {
        scratch_ = slice{take()};
        scratch_used_ = 0;
    }
    auto& c = scratch_.home();
    char* to = c.data() + std::exchange(scratch_used_, scratch_used_ + data.size());
    std::memcpy(to, data.data(), data.size());
    return {c, to, data.size()};
}

}  // namespace pgballast::net
