// Base64 with padding, as SCRAM and PostgreSQL's verifiers use it. RFC 4648, 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgballast::auth {

std::string base64_encode(std::string_view raw);

/// Nothing unless `text` is exactly what `base64_encode` writes: no white space,
/// no missing padding, no stray bits. So each value has one text, and no byte of
/// a SCRAM message can be changed unnoticed.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace pgballast::auth
