#include "pgballast/session/sql_statements.hpp"

#include <algorithm>
#include <boost/algorithm/hex.hpp>
#include <iterator>

#include "pgballast/sql/frozen_time.hpp"
#include "sha256.hpp"

namespace pgballast::session {
namespace {

std::string digest_of(wire::bytes text) {
    const auto octets = sha256(text);
    std::string digits;
    boost::algorithm::hex_lower(octets.begin(), octets.end(), std::back_inserter(digits));
    return digits;
}

}  // namespace

void sql_statements::sent(statement one) {
    unseen_ = true;
    under_way_.reset();
    if (one.text.size() <= text_max && !sql::freezes_time(one.text))
        under_way_ = std::move(one);
}

void sql_statements::other_sent() {
    std::erase_if(made_, [](const statement& one) { return !one.fingerprint && !one.before_look; });
    if (under_way_ && !under_way_->fingerprint)
        under_way_.reset();
}

void sql_statements::completed() {
    if (!under_way_)  // then it may be any of them, made anew
        return carried_.clear();
    const auto has_that_name = [&](const statement& one) { return one.name == under_way_->name; };
    std::erase_if(carried_, has_that_name);
    std::erase_if(made_, has_that_name);
    if (made_.size() < max)
        made_.push_back(std::move(*under_way_));
    under_way_.reset();
}

bool sql_statements::begin_look() noexcept {
    for (auto& one : made_)
        one.before_look = true;
    return std::exchange(unseen_, false);
}

bool sql_statements::seen(const digests& there, wire::bytes fingerprint) {
    auto known = std::exchange(carried_, {});
    for (auto& one : std::exchange(made_, {})) {
        if (one.before_look && !one.fingerprint)
            one.fingerprint = fingerprint;
        (one.before_look ? known : made_).push_back(std::move(one));
    }
    for (const auto& server_has : there) {
        const auto found = std::ranges::find_if(known, [&](const statement& one) {
            return one.name == server_has.first && one.fingerprint == fingerprint &&
                   digest_of(one.text) == server_has.second;
        });
        if (found != known.end())
            carried_.push_back(std::move(*found));
    }
    incomplete_ = carried_.size() != there.size() || there.size() > max;
    return !incomplete_;
}

void sql_statements::clear() {
    *this = {};
}

}  // namespace pgballast::session
