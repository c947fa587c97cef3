// Which endpoint a client means: what Neon's proxy reads off a connection.
#pragma once

#include <string>
#include <string_view>

#include "refusal.hpp"

namespace neonsim {

/// The client's `options` with what is meant for the proxy taken out.
struct startup_options {
    std::string endpoint;  // of endpoint=X or project=X
    std::string rest;      // for PostgreSQL
};
startup_options split_options(std::string_view options);

struct endpoint_choice {
    std::string endpoint;  // empty: neither names one; it may still come with the password
    refusal refused;
};

/// `server_name` is the name asked for by SNI, empty without. Refuses two names that
/// disagree, and letters no endpoint's name has.
endpoint_choice choose_endpoint(std::string_view server_name, std::string_view option);

/// A clear-text password "endpoint=X;password" or "endpoint=X$password", the way out
/// for clients without SNI. Refuses a password without an endpoint.
struct endpoint_password {
    std::string endpoint;
    std::string password;
    refusal refused;
};
endpoint_password split_password(std::string_view password);

}  // namespace neonsim
