// What is planned for a round: made up from its seed, before it is played.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "faults.hpp"
#include "pgballast/session/session.hpp"
#include "script.hpp"

namespace pgballast::sim {

struct client_plan {
    unsigned number = 0;
    unsigned arrives = 0;  // in milliseconds
    bool own_settings = false;
    bool vanishes = false;  // its connection ends without Terminate
    std::vector<group> script;
};

struct plan {
    std::uint64_t seed = 0;
    std::uint64_t timing = 0;  // the same round, with other delays
    session::mode mode = session::mode::transaction;
    unsigned backends_max = 1;
    unsigned faults = 0;  // per mille of the places where one could be
    std::chrono::milliseconds wait_timeout{};
    std::vector<client_plan> clients;
    std::optional<parts> only;  // what is left of it: requests and faults, by name
};

plan make_plan(std::uint64_t seed);

/// "3.7": the eighth request of client 3.
std::string name_of(const client_plan& who, const request& what);

/// Names of the requests that are left, client by client.
std::vector<std::string> requests_of(const plan& of);

/// Leaves out all requests and faults but these, and clients without any.
plan limited(plan whole, parts only);

/// For people.
std::ostream& operator<<(std::ostream& out, const plan& what);

}  // namespace pgballast::sim
