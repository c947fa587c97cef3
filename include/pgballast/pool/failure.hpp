// Why a backend could not be had, and what that means for those who wait.
#pragma once

#include <string>

namespace pgballast::pool {

enum class failure_kind {
    permanent,   // no use trying again: passed on at once, in the server's own words
    transient,   // waited out, with backoff
    restarting,  // an ordinary PostgreSQL refuses or says 57P03: asked often
};

struct failure {
    failure_kind kind = failure_kind::transient;
    std::string sqlstate;  // the server's, else one of class 08 or 57P03
    std::string message;   // the server's own text, or what failed in plain words
    std::string detail;
    std::string hint;
};

}  // namespace pgballast::pool
