#include "pgballast/net/engine.hpp"

#include "epoll_engine.hpp"
#include "uring_engine.hpp"
#include "uring_probe.hpp"

namespace pgballast::net {

boost::system::result<std::unique_ptr<engine>> make_engine(engine_kind kind) {
    if (kind == engine_kind::epoll)
        return epoll_engine::make();
    if (const auto obstacle = probe_uring(); obstacle.error)
        return obstacle.error;
    return uring_engine::make();
}

std::string why_not_io_uring() {
    return probe_uring().reason;
}

}  // namespace pgballast::net
