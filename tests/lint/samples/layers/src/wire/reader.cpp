#include <boost/asio/ip/tcp.hpp>  // BAD
#include <boost/endian/conversion.hpp>
#include <openssl/ssl.h>  // BAD
#  include <sys/socket.h>  // BAD
#include "pgballast/auth/scram.hpp"  // BAD
#include "pgballast/wire/frame.hpp"
#include "../wire/error.hpp"  // BAD
// #include <sys/epoll.h> is only talked about here
