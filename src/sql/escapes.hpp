// Backslashes of escape strings.
#pragma once

#include <string>
#include <string_view>

namespace pgballast::sql {

/// `text` with every backslash read as in E'…': "\nset" begins with a line feed. Characters
/// beyond ASCII become any such. PostgreSQL documentation, 4.1.2.2.
std::string without_escapes(std::string_view text);

}  // namespace pgballast::sql
