// A client's connection, on the worker that owns it: carries out what its session
// decides.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "pgballast/pool/failure.hpp"
#include "pgballast/pool/line.hpp"
#include "pgballast/proxy/link.hpp"
#include "pgballast/proxy/stories.hpp"
#include "pgballast/session/session.hpp"

namespace pgballast::proxy {

class backend;
class worker;
struct local_pool;

/// A client that has proved who it is, on its way to a worker.
struct new_client {
    int fd = -1;
    std::unique_ptr<net::tls_filter> tls;
    std::string early;  // came behind the last message of the login
    session::reported_ptr told;
    session::startup_settings_ptr startup;
    std::int32_t process_id = 0;
    std::string cancel_key;
    std::atomic<unsigned>* of_account = nullptr;  // counts this client as its account's
    std::size_t message_max = wire::body_size_max;
};

class client final : public net::handler, public boost::intrusive::list_base_hook<> {
 public:
    /// Input kept while a client waits; above it nothing more is read, in bytes.
    static constexpr std::size_t held_max = 64 * 1024;

    /// Room that a client which has waited keeps for its next wait, in bytes: no query of usual
    /// size costs an allocation then.
    static constexpr std::size_t held_kept = 512;

    client(worker& home, local_pool& pool, session::mode how, new_client who);

    /// Says welcome and takes what came early.
    void start(std::string early);

    local_pool& pool() noexcept { return pool_; }
    std::int32_t process_id() const noexcept { return process_id_; }
    const std::string& cancel_key() const noexcept { return cancel_key_; }
    std::atomic<unsigned>& of_account() noexcept { return of_account_; }

    /// Has something under way on the backend that is lent.
    bool busy() const noexcept { return lent_ && !session_.is_idle(); }

    // From the worker.

    /// It thinks, and what its session is can be carried to another backend: lets go of the
    /// one it has. False, and nothing done, if not.
    bool yields();

    bool cancel_answered() const noexcept { return session_.cancel_answered(); }

    /// Thinks, perhaps: asks its backend what has to be known before it could be let go.
    void look();
    void granted(backend& one);
    void granted_nothing();  // the backend was lost on its way here
    void refused(const pool::failure& why);
    void noticed(const std::string& text);
    void cancel();

    /// pgballast ends: at once when nothing is under way, else when that is done.
    void drain(bool at_once);

    // From the backend that is lent.
    void on_backend_data(net::slice data);
    void on_backend_drained();
    void on_backend_lost(session::loss why, bool nothing_written = false);

    // net::handler
    void on_data(net::slice raw) override;
    void on_end(boost::system::error_code error) override;
    void on_drained() override;

 private:
    struct lost_backend {
        session::loss why;
        std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
        std::chrono::steady_clock::time_point asked_at{};  // for another one

        std::chrono::milliseconds took() const {
            const auto from =
                asked_at == std::chrono::steady_clock::time_point{} ? since : asked_at;
            return std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::steady_clock::now() - from);
        }
    };

    enum class stage {
        serving,
        leaving,  // has said Terminate: what is in flight is answered first
        gone,     // its connection has ended: what is in flight runs to its end unheard
        closed,
    };

    void feed(net::slice data);
    void feed_held();
    void hold(net::bytes data);
    std::size_t answer_asleep(net::bytes in);
    bool acquire();
    void lend(backend& one);
    void refuse(const pool::failure& why);
    void tell_refusal(const wire::error_message& why);
    void carried_over();
    void settle_loss();
    void loss_ended(loss_outcome how);
    session::circumstances circumstances(bool nothing_written) const;
    void log_failure() const;
    void after_backend_data();
    void on_restored(net::bytes unasked);
    void at_idle(net::bytes unasked);
    void nothing_under_way(net::bytes unasked);
    void rest(net::bytes unasked);
    void begin_use();
    void end_use();
    void leave_or_wait();
    void finish();
    void fail();
    void give_back(net::bytes unasked = {});
    void resume_reading();
    void look_at_backend();
    void cancel_request();
    bool waits() const noexcept { return ticket_ != 0 || restoring_; }

    worker& home_;
    local_pool& pool_;
    link socket_;
    session::session session_;
    backend* lent_ = nullptr;
    pool::ticket ticket_ = 0;  // 0: does not wait
    stage stage_ = stage::serving;
    bool restoring_ = false;
    bool draining_ = false;
    bool cancel_due_ = false;  // when our own query in front of the request is done
    const std::int32_t process_id_;
    std::atomic<unsigned>& of_account_;
    const std::string cancel_key_;
    std::string held_;
    std::unique_ptr<lost_backend> lost_;  // until it is known how that ends
};

using client_list = boost::intrusive::list<client>;

}  // namespace pgballast::proxy
