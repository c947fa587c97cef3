// Octets nobody can foresee.
#pragma once

#include <cstddef>
#include <string>

namespace pgballast::auth {

/// Throws std::runtime_error where libcrypto has no entropy.
std::string random_octets(std::size_t size);

}  // namespace pgballast::auth
