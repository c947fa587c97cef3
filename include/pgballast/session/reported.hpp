// The parameters a server reports (ParameterStatus), as an immutable set that
// sessions, backends and pools share.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pgballast/wire/frame.hpp"

namespace pgballast::session {

class reported;
using reported_ptr = std::shared_ptr<const reported>;

/// Values by name. PostgreSQL reports about a dozen; `max` bounds a lying server.
class reported {
 public:
    static constexpr std::size_t max = 64;
    using value_list = std::vector<std::pair<std::string, std::string>>;

    reported() = default;
    explicit reported(value_list values);

    /// The value, or null where the server does not report that name.
    const std::string* find(wire::bytes name) const noexcept;

    const value_list& values() const noexcept { return values_; }
    bool operator==(const reported&) const = default;

 private:
    value_list values_;  // sorted by name, names unique
};

/// `base` with one value changed; `base` itself where that changes nothing or the
/// set is full.
reported_ptr with_value(const reported_ptr& base, wire::bytes name, wire::bytes value);

/// Makes one of two equal sets: sessions and backends that meet compare pointers first.
void share_equal(reported_ptr& one, reported_ptr& other);

/// Whether a client may set the parameter, so that it has to be restored for it.
/// The other reported ones (server_version …) belong to the server.
bool is_settable(wire::bytes name) noexcept;

/// The name of a reported parameter as the server spells it ("TimeZone" for
/// "timezone"), or nothing if no server reports it. Names of parameters are
/// compared without regard to case.
wire::bytes reported_name(wire::bytes name) noexcept;

/// ParameterStatus messages for what `now` reports differently from `before`.
void append_changes(std::string& out, const reported& before, const reported& now);

}  // namespace pgballast::session
