// All that sessions and the control share.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/intrusive/list.hpp>
#include <string>

#include "cancel_keys.hpp"
#include "cluster.hpp"
#include "compute.hpp"
#include "counters.hpp"
#include "faults.hpp"
#include "network.hpp"
#include "pgballast/auth/scram.hpp"
#include "session.hpp"
#include "settings.hpp"

namespace neonsim {

/// Who is let in, and what proves who we are.
struct identity {
    std::string endpoint;
    std::string user;
    std::string password;
    std::string database;
    pgballast::auth::scram_verifier verifier;
    std::string binding;  // of our certificate
    asio::ssl::context tls;
};

struct world {
    world(asio::any_io_executor executor, identity who, const cluster& where, settings initial,
          std::vector<std::string> pg_settings)
        : current{initial},
          self{std::move(who)},
          data{where},
          way{executor, current},
          postgres{executor,
                   where,
                   {self.user, self.database, std::move(pg_settings)},
                   current,
                   counted} {}

    settings current;
    counters counted;
    identity self;
    const cluster& data;
    faults planned;
    network way;
    cancel_keys keys;
    compute postgres;
    boost::intrusive::list<session, boost::intrusive::constant_time_size<false>> sessions;
};

}  // namespace neonsim
