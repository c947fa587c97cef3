#include "refusal.hpp"

#include "pgballast/wire/sqlstate.hpp"
#include "pgballast/wire/writer.hpp"

namespace neonsim {

void append_refusal(std::string& out, std::string_view text) {
    pgballast::wire::message error{out, 'E'};
    error.u8('S').cstring("ERROR");
    error.u8('C').cstring(pgballast::wire::sqlstate::internal_error);
    error.u8('M').cstring(text.substr(0, text.find('\0')));
    error.u8(0);
}

}  // namespace neonsim
