#include "pgballast/proxy/client.hpp"

#include <algorithm>
#include <utility>

#include "pgballast/net/socket_state.hpp"
#include "pgballast/proxy/log.hpp"
#include "pgballast/proxy/worker.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {

using session::act;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr wire::error_message cancelled{"ERROR", wire::sqlstate::query_canceled,
                                        "canceling statement due to user request"};

}  // namespace

client::client(worker& home, local_pool& pool, session::mode how, new_client who)
    : home_{home},
      pool_{pool},
      socket_{home.engine(), who.fd, std::move(who.tls), *this},
      session_{
          how,
          std::move(who.told),
          std::move(who.startup),
          static_cast<std::uint32_t>(std::min<std::size_t>(who.message_max, wire::body_size_max)),
          pool.shared.database(),
          pool.statements},
      process_id_{who.process_id},
      of_account_{*who.of_account},
      cancel_key_{std::move(who.cancel_key)} {}

void client::start(std::string early) {
    std::string welcome;
    session::append_changes(welcome, {}, *session_.told());
    wire::append_backend_key(welcome, process_id_, cancel_key_);
    wire::append_ready_for_query(welcome, wire::txn::idle);
    socket_.send(welcome);
    if (!early.empty())
        feed(home_.engine().memory().copy(early));
}

void client::on_data(net::slice raw) {
    pool_.counters.bytes_from_clients.add(raw.size());
    const auto error = socket_.receive(std::move(raw), [this](net::slice plain) {
        if (stage_ == stage::serving)
            feed(std::move(plain));
    });
    if (error && stage_ == stage::serving)
        on_end(error);
}

void client::feed(net::slice data) {
    if (waits())
        return hold(data.view());
    if (lent_) {
        look_at_backend();
        if (stage_ != stage::serving)
            return;
    }
    for (;;) {
        const auto step = session_.from_client(data.view());
        if (step.relay != 0) {
            begin_use();
            lent_->socket().send(data.prefix(step.relay));
            data.remove_prefix(step.relay);
        }
        switch (step.what) {
            case act::done:
                end_use();
                settle_loss();
                if (socket_.congested() || (lent_ && lent_->socket().congested()))
                    socket_.pause();
                return;
            case act::send:
                begin_use();
                lent_->socket().send(session_.out());
                break;
            case act::reply:
                socket_.send(session_.out());
                break;
            case act::again:
                data = home_.engine().memory().copy(
                    std::string{session_.out()}.append(data.view().substr(step.used)));
                continue;
            case act::acquire:
                if (const auto used = answer_asleep(data.view()))
                    data.remove_prefix(used);
                else if (!acquire())
                    return hold(data.view());
                break;
            case act::wait:
                restoring_ = true;
                data.remove_prefix(step.used);
                return hold(data.view());
            case act::leave:
                stage_ = stage::leaving;
                return leave_or_wait();
            case act::fail:
                return fail();
            case act::idle:
                at_idle({});
                if (stage_ != stage::serving)
                    return;
                break;
            default:
                break;
        }
        data.remove_prefix(step.used);
    }
}

/// What was sent, if anything, had no reply to come.
void client::end_use() {
    if (lent_ && lent_->where == backend::place::lent && session_.is_idle())
        nothing_under_way({});
}

void client::begin_use() {
    if (lent_->where == backend::place::resting)
        home_.use(*lent_);
}

/// The client's own backend may have died while it thought.
void client::look_at_backend() {
    if (session_.is_idle() && home_.is_gone(*lent_))
        home_.lose(*lent_, {{}, "found closed before use"});
}

void client::hold(net::bytes data) {
    held_.append(data);
    if (held_.size() > held_max)
        socket_.pause();
}

void client::feed_held() {
    if (!held_.empty() || session_.holds_message()) {
        auto held = home_.engine().memory().copy(held_);
        if (held_.capacity() > held_kept)
            held_ = {};
        held_.clear();
        feed(std::move(held));
    }
    resume_reading();
    if (draining_ && stage_ == stage::serving)
        drain(false);
}

void client::resume_reading() {
    const bool congested = socket_.congested() || (lent_ && lent_->socket().congested());
    if (stage_ == stage::serving && held_.size() <= held_max && !congested)
        socket_.resume();
}

/// Pings and resets of a driver's pool are no reason to wake a compute. Returns how much of
/// the input has been answered.
std::size_t client::answer_asleep(net::bytes in) {
    const auto which = pool_.shared.settings().answer_pings;
    if (which == config::answer_pings::off || !pool_.shared.asleep())
        return 0;
    const auto used = session_.answer_asleep(in, which == config::answer_pings::select1);
    if (used != 0) {
        socket_.send(session_.out());
        pool_.counters.pings.add();
    }
    return used;
}

/// True when the input may be fed on: a backend was lent, or the request refused.
bool client::acquire() {
    if (lost_ && lost_->asked_at == clock::time_point{})
        lost_->asked_at = clock::now();
    if (auto* one = home_.take_free(pool_)) {
        lend(*one);
        return true;
    }
    const auto admitted = home_.wait(*this);
    if (!admitted.refused) {
        ticket_ = admitted.id;
        return false;
    }
    refuse(*admitted.refused);
    return true;
}

void client::lend(backend& one) {
    lent_ = &one;
    one.lend_to(*this);
    one.socket().begin_request();
    session_.attach(one.state());
    one.socket().send(session_.out());
    if (!session_.must_wait())
        carried_over();
}

void client::granted(backend& one) {
    ticket_ = 0;
    lend(one);
    feed_held();
}

void client::granted_nothing() {
    ticket_ = 0;
    if (acquire())
        feed_held();
}

void client::refused(const pool::failure& why) {
    ticket_ = 0;
    refuse(why);
    feed_held();
}

void client::refuse(const pool::failure& why) {
    pool_.counters.refused.add();
    tell_refusal({"ERROR", why.sqlstate, why.message, why.detail, why.hint});
}

void client::tell_refusal(const wire::error_message& why) {
    if (session_.refuse(why).what == act::fail)
        return fail();
    socket_.send(session_.out());
    settle_loss();
}

void client::noticed(const std::string& text) {
    if (session_.within_reply())
        return;
    std::string out;
    wire::append_notice(out, {"NOTICE", "00000", text});
    socket_.send(out);
}

void client::cancel() {
    if (ticket_ != 0) {
        home_.stop_waiting(*this, std::exchange(ticket_, 0));
        tell_refusal(cancelled);
        feed_held();
    } else if (lent_ && session_.restoration_under_way()) {
        cancel_due_ = true;  // it must not hit what makes the backend this client's own
        if (session_.prepares_by_sql())
            cancel_request();
    } else if (lent_ && session_.in_flight()) {
        cancel_request();
    }
}

void client::cancel_request() {
    session_.expect_cancel();
    home_.send_cancel(*lent_);
}

void client::drain(bool at_once) {
    draining_ = true;
    const bool nothing_under_way = lent_ ? session_.is_idle() : !waits();
    if (stage_ == stage::serving && (at_once || nothing_under_way)) {
        session_.end({"FATAL", wire::sqlstate::admin_shutdown, "pgballast is shutting down"});
        socket_.send(session_.out());
        finish();
    } else if (at_once)
        finish();
}

void client::on_backend_data(net::slice data) {
    backend& from = *lent_;
    for (;;) {
        const auto step = session_.from_backend(data.view());
        if (step.relay != 0) {
            if (stage_ != stage::gone)
                socket_.send(data.prefix(step.relay));
            data.remove_prefix(step.relay);
        }
        data.remove_prefix(step.used);
        switch (step.what) {
            case act::done:
                return after_backend_data();
            case act::send:
                socket_.send(session_.out());
                break;
            case act::idle:
                at_idle(data.view());
                break;
            case act::ask:
                lent_->socket().send(session_.out());
                break;
            case act::looked:
                nothing_under_way(data.view());
                break;
            case act::resume:
                on_restored(data.view());
                break;
            case act::fail:
                return fail();
            case act::lost:
                return home_.lose(from, session_.last_words());
            default:
                break;
        }
        if (lent_ != &from)
            return;  // given back, with what was left
        if (cancel_due_ && !session_.restoration_under_way()) {
            cancel_due_ = false;
            if (session_.in_flight())
                cancel_request();
        }
    }
}

void client::after_backend_data() {
    settle_loss();
    if (stage_ != stage::serving)
        leave_or_wait();
    if (lent_ && socket_.congested())
        lent_->socket().pause();
}

/// The backend is this client's own now. A cancel that came meanwhile is for a request
/// of which nothing has been sent.
void client::on_restored(net::bytes unasked) {
    restoring_ = false;
    carried_over();
    if (std::exchange(cancel_due_, false))
        tell_refusal(cancelled);
    feed_held();
    if (lent_ && stage_ == stage::serving && session_.is_idle())
        nothing_under_way(unasked);
}

/// `unasked`: what has come behind the ReadyForQuery that ended it all.
void client::at_idle(net::bytes unasked) {
    pool_.counters.transactions.add();
    nothing_under_way(unasked);
}

void client::nothing_under_way(net::bytes unasked) {
    lent_->socket().begin_request();
    settle_loss();
    if (stage_ == stage::serving && !draining_)
        return pool_.associates() ? rest(unasked) : give_back(unasked);
    backend& one = *lent_;
    one.on_unasked(unasked);
    if (stage_ == stage::closed || lent_ != &one)
        return;
    if (stage_ == stage::serving)
        drain(false);
    else
        finish();
}

/// Keeps the backend, for which there may be somebody else. Then what has come behind is
/// nobody's; else it is read as this client's.
void client::rest(net::bytes unasked) {
    home_.rest(*lent_, session_.pinned());
    const bool needed = pool_.shares() && pool_.shared.contended();
    if (needed && session_.portable())
        give_back(unasked);
    else if (needed || session_.must_look_at_once())
        look();
    else if (session_.must_look())
        home_.expect_look();
}

bool client::yields() {
    if (held_.empty() && stage_ == stage::serving && session_.portable()) {
        session_.detach();
        std::exchange(lent_, nullptr)->take_back();
        return true;
    }
    return false;
}

void client::look() {
    if (session_.is_idle() && session_.look(home_.now()))
        lent_->socket().send(session_.out());
}

void client::give_back(net::bytes unasked) {
    backend& one = *std::exchange(lent_, nullptr);
    const bool clean =
        pool_.shares() ? !session_.portable() : pool_.associates() && session_.backend_used();
    session_.detach();
    one.take_back();
    one.socket().resume();
    one.on_unasked(unasked);
    if (one.is_linked())
        home_.release(one, clean, session_.cancel_answered());
    resume_reading();
}

/// The client has said goodbye, or has vanished: what it has asked for to the end is
/// run to its end, as PostgreSQL would.
void client::leave_or_wait() {
    if (!lent_ || !session_.in_flight() || !session_.can_finish_alone())
        finish();
}

void client::finish() {
    if (std::exchange(lost_, nullptr))
        pool_.counters.losses_hidden.add();
    if (ticket_ != 0)
        home_.stop_waiting(*this, std::exchange(ticket_, 0));
    if (lent_) {
        if (session_.is_idle()) {
            stage_ = stage::closed;
            give_back();
        } else {
            const bool open_block = session_.idle_in_transaction();
            session_.detach();
            backend& one = *std::exchange(lent_, nullptr);
            one.take_back();
            one.socket().resume();
            if (open_block)
                home_.roll_back(one);
            else
                home_.drop(one, "its client left in the middle of a request");
        }
    }
    stage_ = stage::closed;
    socket_.close_when_sent();
    home_.remove(*this);
}

void client::fail() {
    if (lost_)
        settle_loss();
    else
        log_failure();
    socket_.send(session_.out());
    finish();
}

/// What the client is told says it best.
void client::log_failure() const {
    const auto out = session_.out();
    const auto told = out.empty() ? wire::error_fields{}
                                  : wire::decode_error_fields(out.substr(wire::header_size));
    log::info("client closed",
              {{"database", pool_.shared.settings().name},
               {"address", socket_.is_open() ? net::peer_of(socket_.fd()) : std::string{}},
               {"sqlstate", told.sqlstate},
               {"cause", out.empty() ? "no error fits into the reply under way" : told.message}});
}

/// The end of its stream alone is like Terminate: who only stopped sending can still
/// be answered.
void client::on_end(boost::system::error_code error) {
    if (error || stage_ != stage::serving) {
        stage_ = stage::gone;
        socket_.close();
        if (lent_)  // nobody will tell that the queue has drained
            lent_->socket().resume();
    } else
        stage_ = stage::leaving;
    leave_or_wait();
}

void client::on_drained() {
    if (lent_)
        lent_->socket().resume();
    resume_reading();
}

void client::on_backend_drained() {
    resume_reading();
}

}  // namespace pgballast::proxy
