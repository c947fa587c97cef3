// A YAML document as a plain tree with line numbers: no aliases, no tags, no types.
#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pgballast/config/error.hpp"

namespace pgballast::config {

struct entry;

/// A value. A null is what an empty place, `~` or `null` gives.
struct node {
    enum class kind { null, scalar, sequence, map };

    kind type = kind::null;
    unsigned line = 1;
    std::string text;            // of a scalar
    std::vector<entry> entries;  // of a sequence or a map, in order; keys may repeat
};

struct entry {
    std::string key{};  // empty in a sequence
    unsigned line = 1;  // of the key
    node value{};
};

inline constexpr std::size_t document_size_max = std::size_t{1} << 20;  // bytes
inline constexpr std::size_t document_depth_max = 16;

/// Reads one YAML document; an empty text is a null.
///
/// Errors: what YAML forbids, a second document, an anchor or alias, a key that is
/// not a scalar, and a text above the limits. Only line and message are filled in.
boost::system::result<node, config_error> parse_document(std::string_view text);

}  // namespace pgballast::config
