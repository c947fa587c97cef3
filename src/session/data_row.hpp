// The fields of a DataRow. PostgreSQL protocol 3.0, "Message Formats".
#pragma once

#include <optional>
#include <vector>

#include "pgballast/wire/reader.hpp"

namespace pgballast::session {

/// Views into the body; empty optionals are NULLs. No fields where the body is malformed.
inline std::vector<std::optional<wire::bytes>> decode_data_row(wire::bytes body) {
    wire::reader in{body};
    std::vector<std::optional<wire::bytes>> fields;
    for (auto left = in.i16(); left > 0 && in.good(); --left) {
        const auto size = in.i32();
        if (size < 0)
            fields.emplace_back();
        else
            fields.emplace_back(in.view(static_cast<std::size_t>(size)));
    }
    if (in.finish())
        fields.clear();
    return fields;
}

}  // namespace pgballast::session
