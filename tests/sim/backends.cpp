// Connections to the model of a backend, and the ways they are lost.
#include "ends.hpp"

namespace pgballast::sim {
namespace {

void append_fatal(std::string& out, bytes sqlstate) {
    wire::append_error(out, {"FATAL", sqlstate, "terminating connection"});
}

}  // namespace

void world::connect() {
    if (faults_.at("connecting", 5)) {
        ledger_->failed({pool::failure_kind::transient, "08006", "nobody listens", {}, {}},
                        time_.now());
        return settle();
    }
    auto at_login = model_backend::defaults();
    at_login.erase("work_mem");
    const auto number = static_cast<unsigned>(backends_.size());
    backends_.push_back(
        std::make_unique<backend>(number, rows_,
                                  std::make_shared<session::reported>(session::reported::value_list{
                                      at_login.begin(), at_login.end()})));
    auto& one = *backends_.back();
    one.to_server = make_pipe(
        false, number, false,
        [this, &one](std::string in) {
            one.model.receive(in);
            execute(one);
        },
        [this, &one] {
            execute_one(one);
            one.model.end();
        });
    one.to_proxy = make_pipe(
        false, number, true,
        [this, &one](std::string in) {
            if (one.open)
                one.user ? from_backend(*one.user, in) : on_unasked(one, in);
        },
        [this, &one] {
            if (one.open)
                lose(one, {{}, "the server closed the connection"});
        });
    log("backend " + std::to_string(number) + " is open");
    ledger_->opened(time_.now());
    if (auto dice = faults_.at("some time after connecting", 5))
        time_.in(dice->below(500), [this, &one, dice = *dice] { strike(one, dice); });
    offer(one);
}

/// As proxy/backend does it.
void world::on_unasked(backend& one, bytes in) {
    bool errand_ended = false;
    while (!in.empty()) {
        const auto piece = one.state.stream.next(in, "ENSZ").value();
        in.remove_prefix(piece.used);
        if (piece.type == 0 || !piece.begins || piece.type == 'N')
            continue;
        if (piece.type == 'E' && wire::decode_error_fields(piece.body()).fatal())
            return lose(one, {});
        if (!one.errand || errand_ended)
            throw broken{std::string{"an idle backend was heard to say: "} + piece.type};
        if (piece.type == 'S') {
            const auto status = wire::decode_parameter_status(piece.body()).value();
            one.state.reported = session::with_value(one.state.reported, status.name, status.value);
        }
        one.errand_failed |= piece.type == 'E';
        errand_ended = piece.type == 'Z';
    }
    if (!errand_ended)
        return;
    const auto then = std::exchange(one.errand, nullptr);
    one.errand_failed ? discard(one) : then();
}

void world::run_errand(backend& one, bytes text, std::function<void()> then) {
    one.errand = std::move(then);
    one.errand_failed = false;
    std::string query;
    wire::append_query(query, text);
    one.to_server->write(query);
}

void world::execute(backend& one) {
    if (one.dead || std::exchange(one.executing, true))
        return;
    time_.in(delays_.below(30), [this, &one] {
        one.executing = false;
        if (!one.dead && strike_at(one, "before " + one.model.next_words()))
            return;
        execute_one(one);
    });
}

void world::execute_one(backend& one) {
    for (std::string out; !one.dead; out.clear()) {
        if (!one.model.run_next(out))
            return;
        one.to_proxy->write(out);
        strike_at(one, "behind " + one.model.last_words());
    }
}

/// True if the backend is dead now.
bool world::strike_at(backend& one, std::string place) {
    if (const auto dice = faults_.at(std::move(place)))
        strike(one, *dice);
    return one.dead;
}

/// The end of a backend, in one of the ways PostgreSQL and networks have.
void world::strike(backend& one, chance dice) {
    if (one.dead)
        return;
    std::string out;
    switch (dice.below(6)) {
        case 0:  // pg_terminate_backend, a fast stop
            append_fatal(out, "57P01");
            break;
        case 1:  // an immediate stop, also behind a commit
            wire::append_notice(out, {"WARNING", "57P01", "terminating connection"});
            break;
        case 2:
            wire::append_notice(out, {"WARNING", "57P02", "another process has crashed"});
            break;
        case 3:  // a reset: what was under way is lost
            one.to_proxy->cut();
            break;
        case 4:  // only the way is lost: the server goes on with what it has been sent
            log("backend " + std::to_string(one.number) + " is cut off");
            one.to_proxy->cut();
            one.to_server->close();
            return;
        default:
            break;
    }
    log("backend " + std::to_string(one.number) + " is struck");
    one.dead = true;
    one.model.end();
    one.to_proxy->write(out);
    one.to_proxy->close();
}

void world::lose(backend& one, session::loss why) {
    log("backend " + std::to_string(one.number) + " is lost");
    ++tally_.losses;
    one.open = false;
    one.to_server->close();
    std::erase(idle_, &one);
    ledger_->closed(true, time_.now());
    if (auto* user = std::exchange(one.user, nullptr))
        on_backend_lost(*user, std::move(why));
    settle();
}

void world::discard(backend& one) {
    one.open = false;
    one.to_server->close();
    ledger_->closed(false, time_.now());
    settle();
}

/// `used`: something of its client has run on it.
void world::release(backend& one, bool used) {
    const bool dirty = used && round_.mode == session::mode::session;
    if (!dirty || wrong_ == sabotage::no_cleaning)
        return offer(one);
    run_errand(one, "discard all", [this, &one] {
        one.state.applied = nullptr;
        one.state.statements->clear();
        offer(one);
    });
}

void world::offer(backend& one) {
    if (const auto grant = ledger_->oldest(time_.now()))
        on_granted(*waiting(grant->id), one);
    else
        idle_.push_back(&one);
    settle();
}

void world::check_rest(const backend& one) const {
    if (one.dead)
        return;
    if (!one.model.at_rest())
        throw broken{"a backend is shared that is not at rest"};
    if (!one.to_proxy->empty())
        throw broken{"a backend is shared that has more to say"};
}

}  // namespace pgballast::sim
