#include "pgballast/session/backend_statements.hpp"

namespace pgballast::session {

preparation backend_statements::prepare(const statement& used) {
    if (names_.skipping())
        return preparation::none;
    const auto& name = used.server_name;
    switch (names_.look_up(name).standing) {
        case standing::present:
            note_use(*names_.find(name));
            return preparation::none;
        case standing::absent:
            note_use(names_.send(name, std::monostate{}));
            return preparation::parse;
        case standing::unsettled:
            break;
    }
    // Waiting for the answer would do as well, but a Close of nothing is no error.
    names_.send(name, std::nullopt);
    note_use(names_.send(name, std::monostate{}));
    return preparation::replace;
}

std::optional<std::string> backend_statements::evict() {
    if (names_.size() <= limit_ || names_.skipping())
        return {};
    auto& oldest = order_.back();
    if (&oldest == &order_.front() || names_.is_changing(*oldest.name))
        return {};
    if (!names_.is_answered(oldest.segment) && names_.size() < 2 * limit_)
        return {};
    close_sent(*oldest.name);
    return *oldest.name;
}

void backend_statements::close_sent(wire::bytes server_name) {
    // To the front: should the server skip the Close, its turn comes again.
    if (!names_.skipping())
        note_use(names_.send(server_name, std::nullopt));
}

void backend_statements::clear() {
    names_.forget_if([](wire::bytes) { return true; });
}

void backend_statements::note_use(names::named_entry& of) {
    auto& last = of.second.note;
    if (last.is_linked())
        order_.erase(order_.iterator_to(last));
    order_.push_front(last);
    last.name = &of.first;
    last.segment = names_.segment();
}

}  // namespace pgballast::session
