// Reads the fields of one message body, in order, without ever passing its end.
#pragma once

#include <boost/endian/conversion.hpp>
#include <cstdint>

#include "pgballast/wire/frame.hpp"

namespace pgballast::wire {

/// A cursor over a whole body. The first field that does not fit makes the
/// reader bad for good; what is read after that is empty or zero, so a decoder
/// reads all its fields and asks `finish()` once.
class reader {
 public:
    explicit reader(bytes body) noexcept : rest_{body} {}

    std::uint8_t u8() noexcept {
        const auto field = view(1);
        return field.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(field.front());
    }

    std::int16_t i16() noexcept {
        const auto field = view(2);
        return field.empty() ? std::int16_t{0} : boost::endian::load_big_s16(unsigned_data(field));
    }

    std::int32_t i32() noexcept {
        const auto field = view(4);
        return field.empty() ? 0 : boost::endian::load_big_s32(unsigned_data(field));
    }

    /// A zero-terminated string, returned without its terminator.
    bytes cstring() noexcept {
        const auto end = rest_.find('\0');
        if (end == bytes::npos) {
            fail(errc::missing_terminator);
            return {};
        }
        const auto value = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return value;
    }

    /// The next `size` bytes.
    bytes view(std::size_t size) noexcept {
        if (size > rest_.size()) {
            fail(errc::truncated);
            return {};
        }
        const auto value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return value;
    }

    bytes rest() noexcept { return view(rest_.size()); }
    bool empty() const noexcept { return rest_.empty(); }
    bool good() const noexcept { return !error_; }

    /// The first error met, `errc::trailing_bytes` if the body was longer than
    /// its fields, or none.
    boost::system::error_code finish() noexcept {
        if (!error_ && !rest_.empty())
            fail(errc::trailing_bytes);
        return error_;
    }

 private:
    static const unsigned char* unsigned_data(bytes field) noexcept {
        return reinterpret_cast<const unsigned char*>(field.data());
    }

    void fail(errc e) noexcept {
        if (!error_)
            error_ = make_error_code(e);
        rest_ = {};
    }

    bytes rest_;
    boost::system::error_code error_;
};

}  // namespace pgballast::wire
