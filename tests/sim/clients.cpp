// The driver of a client's connection: carries out what its session decides, as
// proxy/client does.
#include "ends.hpp"

namespace pgballast::sim {
namespace {

using session::act;

constexpr std::size_t out_max = 128 * 1024;

}  // namespace

void world::arrive(const client_plan& who) {
    const auto index = who.number;
    const auto name = "client " + std::to_string(index);
    auto told = model_backend::defaults();
    told.erase("work_mem");
    told["application_name"] = name;
    model_client::settings own{{"work_mem", model_backend::defaults()["work_mem"]}};
    session::startup_settings_ptr startup;
    if (who.own_settings) {
        own["work_mem"] = std::to_string(index) + "MB";
        startup = std::make_shared<session::startup_settings>(
            session::startup_settings{{"work_mem", own["work_mem"]}});
    }
    auto reported = std::make_shared<session::reported>(
        session::reported::value_list{told.begin(), told.end()});

    clients_.push_back(std::make_unique<client>(
        who, chance{round_.seed + round_.timing, concern::thinking, index},
        model_client{told, own, who.script},
        session::session{round_.mode, std::move(reported), std::move(startup)}));
    auto& one = *clients_.back();
    one.to_proxy = make_pipe(
        true, index, false, [this, &one](std::string in) { from_client(one, in); },
        [this, &one] {
            if (one.at == client::stage::closed)
                return;
            one.at = client::stage::gone;
            leave_or_wait(one);
        });
    one.to_client = make_pipe(
        true, index, true,
        [this, &one](std::string in) {
            one.to_proxy->write(one.model.hear(in));
            if (one.model.wants_to_speak() || one.model.finished())
                time_.in(one.manner.below(100), [this, &one] { speak(one); });
        },
        [this, &one] {
            one.model.hear_end();
            one.to_proxy->close();
        });
    speak(one);
}

void world::speak(client& one) {
    one.to_proxy->write(one.model.speak());
    const bool in_a_hurry = one.manner.per_mille(20);  // leaves without waiting for answers
    if (!one.model.finished() && !in_a_hurry)
        return;
    if (!one.vanishes) {
        std::string out;
        wire::append_terminate(out);
        one.to_proxy->write(out);
    }
    one.model.leave();
    one.to_client->mute();
    one.to_proxy->close();
}

void world::from_client(client& one, bytes in) {
    if (one.at != client::stage::serving)
        return;
    one.held.append(in);
    if (!one.waits())
        feed_held(one);
}

void world::feed_held(client& one) {
    auto input = std::exchange(one.held, {});
    std::string again;
    bytes in = input;
    while (one.at == client::stage::serving) {
        const auto next = one.decider.from_client(in);
        const auto relayed = in.substr(0, next.relay);
        if (!relayed.empty())
            one.lent->to_server->write(relayed);
        if (verbose_ && next.relay != 0)
            log("client " + std::to_string(one.number) + " sends " + shapes_of(relayed));
        one.since_idle.append(in.substr(0, next.relay + next.used));
        in.remove_prefix(next.relay + next.used);
        if (one.decider.out().size() > out_max)
            throw broken{"a session holds more than it may"};
        switch (next.what) {
            case act::done:
                return;
            case act::send:
                one.lent->to_server->write(one.decider.out());
                break;
            case act::reply:
                tell(one, one.decider.out());
                break;
            case act::again:
                again.assign(one.decider.out()).append(in);
                input.swap(again);
                in = input;
                break;
            case act::acquire:
                if (!acquire(one)) {
                    one.held = in;
                    return;
                }
                break;
            case act::wait:
                one.restoring = true;
                one.held = in;
                return;
            case act::idle:
                at_idle(one);
                break;
            case act::leave:
                one.at = client::stage::leaving;
                return leave_or_wait(one);
            case act::fail:
                tell(one, one.decider.out());
                return finish(one);
            default:
                break;
        }
    }
}

bool world::acquire(client& one) {
    if (!idle_.empty()) {
        auto* last = idle_.back();
        idle_.pop_back();
        lend(one, *last);
        return true;
    }
    const auto admitted = ledger_->wait(0, pool::wish::backend, time_.now());
    if (admitted.refused) {
        refuse(one, *admitted.refused);
        return true;
    }
    one.ticket = admitted.id;
    time_.in(0, [this] { settle(); });
    return false;
}

void world::lend(client& one, backend& to) {
    log("client " + std::to_string(one.number) + " gets backend " + std::to_string(to.number));
    check_rest(to);
    ++tally_.lendings;
    one.lent = &to;
    to.user = &one;
    if (wrong_ == sabotage::no_restoration)
        to.state.reported = one.decider.told();
    one.decider.attach(to.state);
    to.to_server->write(one.decider.out());
}

void world::on_granted(client& one, backend& to) {
    one.ticket = 0;
    lend(one, to);
    feed_held(one);
}

void world::refuse(client& one, const pool::failure& why) {
    const auto next = one.decider.refuse({"ERROR", why.sqlstate, why.message});
    tell(one, one.decider.out());
    if (next.what == act::fail)
        finish(one);
}

void world::from_backend(client& one, bytes in) {
    auto& from = *one.lent;
    for (;;) {
        const auto next = one.decider.from_backend(in);
        tell(one, in.substr(0, next.relay));
        in.remove_prefix(next.relay + next.used);
        switch (next.what) {
            case act::done:
                if (wrong_ == sabotage::early_release && one.decider.idle_in_transaction())
                    return at_idle(one);
                if (one.at != client::stage::serving)
                    leave_or_wait(one);
                return;
            case act::send:
                tell(one, one.decider.out());
                break;
            case act::idle:
                at_idle(one);
                break;
            case act::ask:
                from.to_server->write(one.decider.out());
                break;
            case act::looked:
                at_idle(one);
                break;
            case act::resume:
                one.restoring = false;
                feed_held(one);
                break;
            case act::fail:
                tell(one, one.decider.out());
                return finish(one);
            case act::lost:
                return lose(from, one.decider.last_words());
            default:
                break;
        }
        if (one.lent != &from) {
            if (!in.empty() && from.open && !from.user)
                on_unasked(from, in);
            return;
        }
    }
}

void world::on_backend_lost(client& one, session::loss why) {
    one.lent = nullptr;
    if (wrong_ == sabotage::silent_loss && one.decider.is_idle())
        return one.decider.detach();
    const bool was_restoring = std::exchange(one.restoring, false);
    const auto next = one.decider.backend_lost(std::move(why));
    const bool unheard = one.since_idle.starts_with('Q') && !one.told_since;
    if (next.what == act::reply && unheard && wrong_ == sabotage::blind_retry) {
        one.held.insert(0, std::exchange(one.since_idle, {}));
        return feed_held(one);
    }
    if (next.what == act::reply && unheard && wrong_ == sabotage::false_success) {
        std::string success;
        wire::append_command_complete(success, "INSERT 0 1");
        wire::append_ready_for_query(success, wire::txn::idle);
        tell(one, success);
    } else if (next.what == act::reply && wrong_ != sabotage::no_answer)
        tell(one, one.decider.out());
    if (next.what == act::fail) {
        tell(one, one.decider.out());
        return finish(one);
    }
    if (next.what == act::again)
        one.held.insert(0, one.decider.out());
    tally_.hidden += next.what == act::reply ? 0 : 1;
    if (one.at != client::stage::serving)
        return finish(one);
    if (next.what == act::acquire && !acquire(one))
        return;
    if (was_restoring || !one.held.empty() || one.decider.holds_message())
        feed_held(one);
}

void world::at_idle(client& one) {
    one.since_idle.clear();
    one.told_since = false;
    if (one.at != client::stage::serving)
        return finish(one);
    if (round_.mode == session::mode::session && wrong_ != sabotage::shared_session)
        return;
    give_back(one);
}

void world::give_back(client& one) {
    auto& given = *std::exchange(one.lent, nullptr);
    const bool used = one.decider.backend_used();
    one.decider.detach();
    given.user = nullptr;
    release(given, used);
}

void world::leave_or_wait(client& one) {
    if (!one.lent || !one.decider.in_flight() || !one.decider.can_finish_alone())
        finish(one);
}

void world::finish(client& one) {
    if (one.ticket != 0)
        ledger_->leave(std::exchange(one.ticket, 0));
    one.at = client::stage::closed;
    one.to_client->close();
    if (!one.lent)
        return;
    if (wrong_ == sabotage::leak) {
        one.lent->user = nullptr;
        one.lent = nullptr;
    } else if (one.decider.is_idle())
        give_back(one);
    else
        take_away(one);
}

/// The client has left it in a transaction, or in the middle of a request.
void world::take_away(client& one) {
    auto& given = *std::exchange(one.lent, nullptr);
    const bool open_block = one.decider.idle_in_transaction();
    one.decider.detach();
    given.user = nullptr;
    if (!open_block)
        return discard(given);
    run_errand(given, "rollback", [this, &given] { release(given, true); });
}

void world::tell(client& one, bytes data) {
    if (verbose_ && !data.empty())
        log("client " + std::to_string(one.number) + " is told " + shapes_of(data));
    one.told_since |= !data.empty();
    if (one.at != client::stage::gone)
        one.to_client->write(data);
}

}  // namespace pgballast::sim
