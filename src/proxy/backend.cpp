#include "pgballast/proxy/backend.hpp"

#include <utility>

#include "pgballast/proxy/client.hpp"
#include "pgballast/proxy/worker.hpp"
#include "pgballast/wire/messages.hpp"

namespace pgballast::proxy {
namespace {

constexpr std::string_view decisive_types = "ENSZ";

}  // namespace

backend::backend(worker& home, local_pool& pool, backend_parts parts)
    : home_{home},
      pool_{pool},
      parts_{std::move(parts)},
      socket_{home.engine(), std::exchange(parts_.login.fd, -1), std::move(parts_.login.tls),
              *this} {}

void backend::on_data(net::slice raw) {
    pool_.counters.bytes_from_backends.add(raw.size());
    const auto error = socket_.receive(std::move(raw), [this](net::slice plain) {
        if (!socket_.is_open())
            return;  // closed by what came before
        if (user_)
            user_->on_backend_data(std::move(plain));
        else
            on_unasked(plain.view());
    });
    if (error && socket_.is_open())
        home_.lose(*this, {{}, error.message()});
}

void backend::on_end(boost::system::error_code error) {
    home_.lose(*this, {{}, error ? error.message() : "the server closed the connection"});
}

void backend::on_drained() {
    if (user_)
        user_->on_backend_drained();
}

void backend::run_errand(std::string_view text, std::function<void(bool)> done) {
    errand_done_ = std::move(done);
    errand_failed_ = false;
    std::string query;
    wire::append_query(query, text);
    socket_.send(query);
}

void backend::on_unasked(net::bytes in) {
    std::optional<bool> errand_ended;
    while (!in.empty()) {
        const auto piece = state().stream.next(in, decisive_types);
        if (!piece)
            return home_.lose(*this, {{}, "the server sent a message of invalid length"});
        in.remove_prefix(piece->used);
        if (!piece->begins)
            continue;
        switch (piece->type) {
            case 'S':
                if (const auto status = wire::decode_parameter_status(piece->body()))
                    state().reported =
                        session::with_value(state().reported, status->name, status->value);
                continue;
            case 'N':
            case 'A':
                continue;
            case 'E': {
                const auto fields = wire::decode_error_fields(piece->body());
                if (fields.fatal() || !errand_done_)
                    return home_.lose(*this, session::loss_by(fields));
                errand_failed_ = true;
                continue;
            }
            case 'Z': {
                if (!errand_done_ || errand_ended)
                    break;
                const auto status = wire::decode_ready_for_query(piece->body());
                const bool ok = !errand_failed_ && status && *status == wire::txn::idle;
                errand_ended = ok;
                continue;
            }
            default:
                if (errand_done_)
                    continue;
                break;
        }
        return home_.lose(*this, {{}, "the server sent a message that nobody asked for"});
    }
    // Only now: it may lend the backend, and what came behind was not for its next user.
    if (errand_ended)
        std::exchange(errand_done_, nullptr)(*errand_ended);
}

}  // namespace pgballast::proxy
