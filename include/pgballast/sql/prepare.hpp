// SQL's PREPARE and DEALLOCATE.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgballast::sql {

/// The name of the statement that a text prepares, if that is all it does: as PostgreSQL
/// folds it.
std::optional<std::string> prepared(std::string_view text);

/// … or that it deallocates. Nothing for DEALLOCATE ALL.
std::optional<std::string> deallocated(std::string_view text);

/// Whether a text begins with DEALLOCATE or DISCARD.
bool may_deallocate(std::string_view text);

}  // namespace pgballast::sql
