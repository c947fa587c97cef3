// `neonsim ctl`: the control from the command line.
#pragma once

#include <string>
#include <vector>

namespace neonsim {

struct ctl_options {
    std::string url;  // http://HOST:PORT
    std::string verb;
    std::vector<std::string> arguments;  // name=value
};

/// Asks, prints the answer and returns the exit status: 0, or 1 when it was refused.
/// Throws when nobody answers.
int run_ctl(const ctl_options& options);

}  // namespace neonsim
