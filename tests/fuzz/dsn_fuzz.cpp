// Connection strings: URLs and keyword/value pairs.
#include "fuzz.hpp"
#include "pgballast/config/conninfo.hpp"
#include "pgballast/config/dsn.hpp"

using namespace pgballast;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);
    const auto values = config::parse_conninfo(text);
    const auto dsn = config::parse_dsn(text);
    require(values || !dsn);
    if (!values)
        require(!values.error().message.empty());
    if (!dsn)
        require(!dsn.error().message.empty());
    if (values && dsn) {
        const auto password = values->find("password");
        require(dsn->password == (password == values->end() ? "" : password->second));
    }
    return 0;
}
