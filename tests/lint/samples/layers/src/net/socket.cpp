#include <openssl/ssl.h>
#include <sys/socket.h>
#include "pgballast/proxy/worker.hpp"  // BAD
#include "pgballast/wire/frame.hpp"
