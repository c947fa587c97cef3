// The BIO between OpenSSL and a `tls_wire`: it reads from the bytes of the call in
// progress and writes to that call's sink, so that nothing is copied on the way.
#pragma once

#include <openssl/bio.h>

#include "pgballast/net/tls.hpp"

namespace pgballast::net {

/// `wire` must outlive the BIO. Null when memory is out.
BIO* make_tls_bio(tls_wire& wire) noexcept;

}  // namespace pgballast::net
