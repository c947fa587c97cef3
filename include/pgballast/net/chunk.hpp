// Memory of a worker: reference-counted chunks that hold what arrived, and
// slices that lend parts of them on without a copy.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pgballast::net {

using bytes = std::string_view;

class slab;

/// A block of memory with a count of the slices that look into it. Single-threaded:
/// a chunk never leaves the worker whose slab made it.
struct chunk {
    slab* owner;
    std::uint32_t refs;
    std::uint32_t capacity;
    chunk* next_free;

    char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
};

/// A part of a chunk, kept alive for as long as the slice is.
class slice {
 public:
    slice() noexcept = default;
    slice(chunk& home, const char* data, std::size_t size) noexcept
        : home_{&home}, data_{data}, size_{size} {
        ++home_->refs;
    }
    slice(const slice& other) noexcept
        : home_{other.home_}, data_{other.data_}, size_{other.size_} {
        if (home_)
            ++home_->refs;
    }
    slice(slice&& other) noexcept
        : home_{std::exchange(other.home_, nullptr)},
          data_{std::exchange(other.data_, nullptr)},
          size_{std::exchange(other.size_, 0)} {}
    slice& operator=(slice other) noexcept {
        std::swap(home_, other.home_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~slice() { release(); }

    /// All of a chunk that has just been taken.
    explicit slice(chunk& home) noexcept : slice{home, home.data(), home.capacity} {}

    const char* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    bytes view() const noexcept { return {data_, size_}; }

    /// The chunk looked into; only of a slice that has one.
    chunk& home() const noexcept {
        assert(home_);
        return *home_;
    }
    /// Nobody else looks into the chunk: its owner may write to it again.
    bool unique() const noexcept { return home_ && home_->refs == 1; }

    /// The first `size` bytes; they share this slice's chunk.
    slice prefix(std::size_t size) const noexcept {
        assert(size <= size_);
        slice part{*this};
        part.size_ = size;
        return part;
    }

    void remove_prefix(std::size_t size) noexcept {
        assert(size <= size_);
        data_ += size;
        size_ -= size;
    }

 private:
    inline void release() noexcept;

    chunk* home_ = nullptr;
    const char* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Where a worker's chunks come from and return to. It must outlive its slices.
class slab {
 public:
    static constexpr std::size_t chunk_size = 16 * 1024;
    /// Free chunks kept for reuse; what is above goes back to the system.
    static constexpr std::size_t free_max = 256;
    static constexpr std::size_t copy_max = chunk_size / 4;

    slab() = default;
    ~slab();
    slab(const slab&) = delete;
    slab& operator=(const slab&) = delete;

    /// A chunk of at least `capacity` bytes and no reference yet.
    chunk& take(std::size_t capacity = chunk_size);
    void give_back(chunk& c) noexcept;

    /// A copy of `data`. Copies up to `copy_max` bytes share chunks, so that many small
    /// ones that are kept for long do not hold a chunk each.
    slice copy(bytes data);

    /// Bytes of all chunks that are lent out, for statistics.
    std::size_t lent() const noexcept { return lent_; }

 private:
    chunk* free_ = nullptr;
    std::size_t free_count_ = 0;
    std::size_t lent_ = 0;
    slice scratch_;  // holds the chunk that small copies go to
    std::size_t scratch_used_ = 0;
};

inline void slice::release() noexcept {
    if (home_ && --home_->refs == 0)
        home_->owner->give_back(*home_);
    home_ = nullptr;
}

}  // namespace pgballast::net
