#include "pgballast/wire/error.hpp"

#include <string>

namespace pgballast::wire {
namespace {

class category final : public boost::system::error_category {
 public:
    const char* name() const noexcept override { return "pgballast.wire"; }

    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
            case errc::bad_length:
                return "invalid message length";
            case errc::missing_terminator:
                return "string without its terminator";
            case errc::truncated:
                return "message too short for its fields";
            case errc::trailing_bytes:
                return "bytes behind the last field of a message";
            case errc::unknown_protocol:
                return "unsupported frontend protocol";
            case errc::duplicate_parameter:
                return "startup parameter given twice";
            case errc::missing_user:
                return "no PostgreSQL user name specified in startup packet";
            case errc::bad_message_type:
                return "unexpected message type";
            case errc::name_too_long:
                return "name of a prepared statement or portal too long";
        }
        return "unknown protocol error";
    }
};

}  // namespace

const boost::system::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

}  // namespace pgballast::wire
