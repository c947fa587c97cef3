// Keys for cancel requests, as Neon's proxy gives them out: not PostgreSQL's own, so
// the process id a client is told is not that of its backend.
#pragma once

#include <map>
#include <optional>
#include <random>
#include <utility>

#include "pgballast/wire/messages.hpp"

namespace neonsim {

class cancel_keys {
 public:
    /// Draws a key that stands for `backend` until it is revoked.
    pgballast::wire::backend_key issue(pgballast::wire::backend_key backend) {
        pgballast::wire::backend_key drawn;
        do {
            drawn.pid = static_cast<std::int32_t>(random_());
            drawn.key.clear();
            for (int i = 0; i < 4; ++i)
                drawn.key.push_back(static_cast<char>(random_()));
        } while (!backends_.try_emplace({drawn.pid, drawn.key}, std::move(backend)).second);
        return drawn;
    }

    void revoke(const pgballast::wire::backend_key& issued) {
        backends_.erase({issued.pid, issued.key});
    }

    std::optional<pgballast::wire::backend_key> find(std::int32_t pid,
                                                     const std::string& key) const {
        const auto found = backends_.find({pid, key});
        return found == backends_.end() ? std::nullopt : std::optional{found->second};
    }

 private:
    std::random_device random_;
    std::map<std::pair<std::int32_t, std::string>, pgballast::wire::backend_key> backends_;
};

}  // namespace neonsim
