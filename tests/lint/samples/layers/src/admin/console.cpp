#include <boost/asio/awaitable.hpp>
#include "pgballast/pool/ledger.hpp"
#include "pgballast/proxy/worker.hpp"
