// Appends messages to a string; the length word is filled in when one ends.
#pragma once

#include <boost/endian/conversion.hpp>
#include <cassert>
#include <cstdint>
#include <string>

#include "pgballast/wire/frame.hpp"

namespace pgballast::wire {

/// Builds one message at the end of `out` for as long as the object lives.
///
///     message{out, 'Q'}.cstring("select 1");
class message {
 public:
    message(std::string& out, char type) : out_{out} {
        out_.push_back(type);
        length_at_ = out_.size();
        out_.append(4, '\0');
    }

    /// A packet of the start-up phase: no type byte.
    explicit message(std::string& out) : out_{out}, length_at_{out.size()} { out_.append(4, '\0'); }

    message(const message&) = delete;
    message& operator=(const message&) = delete;

    ~message() {
        boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(out_.data() + length_at_),
                                     static_cast<std::uint32_t>(out_.size() - length_at_));
    }

    message& u8(std::uint8_t value) {
        out_.push_back(static_cast<char>(value));
        return *this;
    }

    message& i16(std::int16_t value) {
        unsigned char octets[2];
        boost::endian::store_big_s16(octets, value);
        return view({reinterpret_cast<const char*>(octets), sizeof octets});
    }

    message& i32(std::int32_t value) {
        unsigned char octets[4];
        boost::endian::store_big_s32(octets, value);
        return view({reinterpret_cast<const char*>(octets), sizeof octets});
    }

    /// `value` must hold no zero byte: the peer would read less than was meant.
    message& cstring(bytes value) {
        assert(value.find('\0') == bytes::npos);
        out_.append(value);
        out_.push_back('\0');
        return *this;
    }

    message& view(bytes value) {
        out_.append(value);
        return *this;
    }

 private:
    std::string& out_;
    std::size_t length_at_ = 0;
};

}  // namespace pgballast::wire
