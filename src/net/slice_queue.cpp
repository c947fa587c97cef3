#include "slice_queue.hpp"

namespace pgballast::net {

slice_queue::pool::~pool() {
    while (free_)
        delete std::exchange(free_, free_->next);
}

slice_queue::node* slice_queue::pool::take(slice data) {
    if (!free_)
        return new node{std::move(data), nullptr};
    node* fresh = std::exchange(free_, free_->next);
    --free_count_;
    fresh->data = std::move(data);
    fresh->next = nullptr;
    return fresh;
}

void slice_queue::pool::give_back(node* spent) noexcept {
    if (free_count_ == free_max) {
        delete spent;
        return;
    }
    spent->data = {};
    spent->next = std::exchange(free_, spent);
    ++free_count_;
}

void slice_queue::push(pool& nodes, slice data) {
    node* fresh = nodes.take(std::move(data));
    (head_ ? tail_->next : head_) = fresh;
    tail_ = fresh;
}

slice slice_queue::pop(pool& nodes) noexcept {
    assert(head_);
    node* spent = std::exchange(head_, head_->next);
    slice data = std::move(spent->data);
    nodes.give_back(spent);
    return data;
}

void slice_queue::remove_prefix(pool& nodes, std::size_t size) noexcept {
    while (size > 0) {
        assert(head_);
        slice& first = head_->data;
        if (size < first.size()) {
            first.remove_prefix(size);
            return;
        }
        size -= first.size();
        pop(nodes);
    }
}

void slice_queue::clear(pool& nodes) noexcept {
    while (head_)
        pop(nodes);
}

slice_queue::gathered slice_queue::gather(std::span<iovec> into) const noexcept {
    gathered result{0, 0};
    for (const node* n = head_; n && result.count < into.size(); n = n->next) {
        into[result.count++] = {const_cast<char*>(n->data.data()), n->data.size()};
        result.size += n->data.size();
    }
    return result;
}

}  // namespace pgballast::net
