// In which ways a server is tried: with TLS or without, and for how long. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "pgballast/config/settings.hpp"
#include "pgballast/pool/classify.hpp"
#include "pgballast/wire/frame.hpp"

namespace pgballast::proxy {

enum class way { plain, tls };

/// What a failed attempt is judged by.
struct attempt_failure {
    pool::failure why;
    pool::step at = pool::step::connect;
    way used = way::plain;
    bool turned_away = false;  // see `backend_login::turned_away`
};

/// No TLS over Unix sockets, as with libpq.
inline way first_way(config::sslmode mode, bool local) {
    using config::sslmode;
    const bool plain = local || mode == sslmode::disable || mode == sslmode::allow;
    return plain ? way::plain : way::tls;
}

/// The other way to try the same address, where sslmode leaves the choice. Unlike libpq's
/// this is not done after a wrong password: it would only be refused a second time.
inline std::optional<way> next_way(config::sslmode mode, const attempt_failure& failed) {
    using config::sslmode;
    if (mode == sslmode::allow && failed.used == way::plain && failed.turned_away)
        return way::tls;
    if (mode == sslmode::prefer && failed.used == way::tls &&
        (failed.turned_away || failed.at == pool::step::tls))
        return way::plain;
    return std::nullopt;
}

/// Whether the first of two failures at one address is the one to tell: it came further.
inline bool tells_more(const attempt_failure& first, const attempt_failure& second) {
    return first.at > second.at;
}

enum class ssl_answer {
    willing,    // 'S'
    unwilling,  // 'N'
    injected,   // more bytes than the answer: plain text to be taken for encrypted
    broken,     // anything else; an 'E' too, whose text nobody has vouched for
};

/// Everything that came after an SSLRequest, at least one byte. CVE-2021-23222.
inline ssl_answer read_ssl_answer(wire::bytes in) {
    const bool known = in.front() == 'S' || in.front() == 'N';
    if (known && in.size() > 1)
        return ssl_answer::injected;
    if (!known)
        return ssl_answer::broken;
    return in.front() == 'S' ? ssl_answer::willing : ssl_answer::unwilling;
}

/// Until when to wait for a connection to one of `left` addresses: an equal part of what
/// is left of the time, so that one that does not answer leaves some to the others, but
/// enough for a lost packet to be sent again.
inline std::chrono::steady_clock::time_point connect_until(
    std::chrono::steady_clock::time_point now, std::chrono::steady_clock::time_point deadline,
    std::size_t left) {
    constexpr std::chrono::steady_clock::duration least = std::chrono::seconds{2};
    const auto part = (deadline - now) / static_cast<long>(std::max<std::size_t>(left, 1));
    return std::min(deadline, now + std::max(part, least));
}

}  // namespace pgballast::proxy
