// Cuts a stream of bytes into messages, wherever the reads have cut it.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <string_view>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

using wire::bytes;

/// One direction of a connection. Messages that a caller wants whole, for their type or
/// because they are small, come whole: in place where the input holds all of it, else
/// gathered here. All others come in parts, as they arrive, and are never copied, but
/// for a header that two reads have split.
class message_stream {
 public:
    /// Larger messages come in parts even where they are wanted whole.
    static constexpr std::size_t whole_max = 64 * 1024;

    struct piece {
        char type = 0;          // 0: nothing to show yet, the input was taken in
        bytes data;             // the message, or a part of it, header included
        std::size_t used = 0;   // bytes of the input
        bool in_place = false;  // `data` is the input's first `used` bytes
        bool begins = false;
        bool ends = false;

        bytes body() const noexcept { return data.substr(wire::header_size); }
        bool whole() const noexcept { return begins && ends; }
    };

    /// The header of the message that begins at the front of `in`, not yet taken;
    /// nothing within a message, or while the header is not whole.
    boost::system::result<std::optional<wire::frame_header>> header(
        bytes in, std::uint32_t body_max = wire::body_size_max) const {
        if (within_message())
            return std::optional<wire::frame_header>{};
        if (kept_ == 0)
            return wire::decode_frame_header(in, body_max);
        auto joined = head_;
        const auto taken = std::min(wire::header_size - kept_, in.size());
        std::copy_n(in.data(), taken, joined.data() + kept_);
        return wire::decode_frame_header({joined.data(), kept_ + taken}, body_max);
    }

    /// Takes the next piece off the front of `in`, which must not be empty. Whatever
    /// their type, messages of up to `small` bytes come whole.
    boost::system::result<piece> next(bytes in, std::string_view whole_types,
                                      std::uint32_t body_max = wire::body_size_max,
                                      std::size_t small = 0) {
        assert(!in.empty());
        if (gathering_)
            return gather(in);
        if (body_left_ != 0)
            return continue_body(in);

        const auto found = header(in, body_max);
        if (!found)
            return found.error();
        if (!*found)
            return keep(in);
        const auto size = (*found)->frame_size();
        const bool wanted =
            size <= small ||
            (size <= whole_max && whole_types.find((*found)->type) != std::string_view::npos);
        return wanted ? begin_whole(in, **found) : begin_parts(in, **found);
    }

    /// A message has been shown in part, or is being gathered.
    bool within_message() const noexcept { return body_left_ != 0 || gathering_; }

    /// The message is being gathered: nothing of it has been shown.
    bool gathering() const noexcept { return gathering_; }

    /// Begins anew, and returns what has been taken in and not been shown.
    std::string take_unfinished() {
        std::string unfinished = gathering_ ? std::move(gathered_) : std::string{};
        unfinished.append(head_.data(), kept_);
        *this = {};
        return unfinished;
    }

    /// The type of the message last begun.
    char type() const noexcept { return type_; }

    /// Not a byte of an unfinished message has been seen.
    bool at_boundary() const noexcept { return !within_message() && kept_ == 0; }

 private:
    static piece took(std::size_t used) {
        piece nothing;
        nothing.used = used;
        return nothing;
    }

    piece keep(bytes in) {
        const auto taken = std::min(in.size(), wire::header_size - kept_);  // all of it
        std::copy_n(in.data(), taken, head_.data() + kept_);
        kept_ += static_cast<std::uint8_t>(taken);
        return took(taken);
    }

    piece begin_whole(bytes in, const wire::frame_header& header) {
        const auto size = header.frame_size();
        type_ = header.type;
        if (kept_ == 0 && in.size() >= size)
            return {type_, in.substr(0, size), size, true, true, true};

        gathered_.assign(head_.data(), kept_);
        body_left_ = static_cast<std::uint32_t>(size - kept_);
        kept_ = 0;
        gathering_ = true;
        return gather(in);
    }

    piece gather(bytes in) {
        const auto taken = std::min<std::size_t>(body_left_, in.size());
        gathered_.append(in.substr(0, taken));
        body_left_ -= static_cast<std::uint32_t>(taken);
        if (body_left_ != 0)
            return took(taken);
        gathering_ = false;
        return {type_, gathered_, taken, false, true, true};
    }

    piece begin_parts(bytes in, const wire::frame_header& header) {
        type_ = header.type;
        body_left_ = header.body_size;
        if (kept_ != 0) {
            const auto taken = wire::header_size - kept_;
            std::copy_n(in.data(), taken, head_.data() + kept_);
            kept_ = 0;
            return {type_, {head_.data(), head_.size()}, taken, false, true, body_left_ == 0};
        }
        const auto taken = std::min(header.frame_size(), in.size());
        body_left_ -= static_cast<std::uint32_t>(taken - wire::header_size);
        return {type_, in.substr(0, taken), taken, true, true, body_left_ == 0};
    }

    piece continue_body(bytes in) {
        const auto taken = std::min<std::size_t>(body_left_, in.size());
        body_left_ -= static_cast<std::uint32_t>(taken);
        return {type_, in.substr(0, taken), taken, true, false, body_left_ == 0};
    }

    std::uint32_t body_left_ = 0;  // of the message shown in part or gathered
    char type_ = 0;
    bool gathering_ = false;
    std::uint8_t kept_ = 0;  // bytes of a header whose rest has not come: head_[0, kept_)
    std::array<char, wire::header_size> head_{};
    std::string gathered_;
};

}  // namespace pgballast::session
