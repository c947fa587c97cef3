// First in, first out: what a connection has still to send, or has stashed while
// it is paused. Sixteen bytes when empty; the nodes come from the engine's pool.
#pragma once

#include <sys/uio.h>

#include <span>

#include "pgballast/net/chunk.hpp"

namespace pgballast::net {

class slice_queue {
    struct node {
        slice data;
        node* next;
    };

 public:
    /// Spent nodes for all queues of an engine, which it outlives.
    class pool {
     public:
        static constexpr std::size_t free_max = 4096;

        pool() = default;
        pool(const pool&) = delete;
        pool& operator=(const pool&) = delete;
        ~pool();

     private:
        friend slice_queue;
        node* take(slice data);
        void give_back(node* spent) noexcept;

        node* free_ = nullptr;
        std::size_t free_count_ = 0;
    };

    slice_queue() = default;
    slice_queue(const slice_queue&) = delete;
    slice_queue& operator=(const slice_queue&) = delete;
    ~slice_queue() { assert(empty()); }  // clear() needs the pool

    bool empty() const noexcept { return !head_; }
    const slice& front() const noexcept {
        assert(head_);
        return head_->data;
    }

    void push(pool& nodes, slice data);
    slice pop(pool& nodes) noexcept;

    /// Drops the first `size` bytes, whole slices or the begin of one.
    void remove_prefix(pool& nodes, std::size_t size) noexcept;
    void clear(pool& nodes) noexcept;

    struct gathered {
        std::size_t count;  // of `into` that were filled
        std::size_t size;   // bytes
    };
    /// Points at the first slices, as many as fit. They stay in the queue.
    gathered gather(std::span<iovec> into) const noexcept;

 private:
    node* head_ = nullptr;
    node* tail_ = nullptr;  // good while head_ is
};

}  // namespace pgballast::net
