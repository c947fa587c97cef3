#include "pgballast/net/chunk.hpp"  // BAD
#include "pgballast/pool/failure.hpp"  // BAD
#include "pgballast/wire/messages.hpp"
