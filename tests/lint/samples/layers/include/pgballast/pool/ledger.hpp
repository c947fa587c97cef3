#include "pgballast/config/settings.hpp"
#include "pgballast/session/state.hpp"  // BAD
#include <openssl/evp.h>
#include <poll.h>  // BAD
