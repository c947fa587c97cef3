// Why a client is not let in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace neonsim {

/// A text for the client, or nothing when all is well. Neon's proxy says all of its
/// errors at log-in with severity ERROR and SQLSTATE XX000, so the text is all there is.
using refusal = std::optional<std::string>;

/// Appends it as Neon's proxy writes it: severity, SQLSTATE and text, and no other field.
void append_refusal(std::string& out, std::string_view text);

}  // namespace neonsim
