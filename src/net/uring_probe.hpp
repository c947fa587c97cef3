// Whether io_uring can be used here: containers, hardened units and old kernels say no,
// each in its own way.
#pragma once

#include <boost/system/error_code.hpp>
#include <string>

namespace pgballast::net {

struct uring_obstacle {
    boost::system::error_code error;  // none: io_uring can be used
    std::string reason;               // in words, for people
};

/// Finds out by use: sends to a multishot receive over a pair of sockets.
uring_obstacle probe_uring();

}  // namespace pgballast::net
