// From the startup packet to the first ReadyForQuery. A client that has proved who it
// is hears nothing while the compute wakes: the end of its authentication is held back
// until the compute has answered, and an error comes behind it.
#include <boost/asio/write.hpp>

#include "endpoint.hpp"
#include "messages_io.hpp"
#include "session.hpp"
#include "world.hpp"

namespace neonsim {

task<bool> session::log_in() {
    const auto packet = co_await read_startup(client_);
    if (!packet)
        co_return false;
    if (const auto* cancel = std::get_if<wire::cancel_request>(&*packet)) {
        co_await forward_cancel(*cancel);
        co_return false;
    }
    const auto* startup = std::get_if<wire::startup_message>(&*packet);
    if (!startup)
        co_return false;

    ++world_.counted.logins;
    const auto refused = co_await admit(*startup);
    if (refused) {
        co_await refuse(*refused);
        co_return false;
    }
    ++world_.counted.logins_ok;
    co_return co_await answer();
}

task<refusal> session::admit(const wire::startup_message& startup) {
    const auto unknown_options = startup.protocol_options();
    if (startup.protocol > wire::protocol_3_0 || !unknown_options.empty())
        wire::append_negotiate_protocol(out_, 0, unknown_options);

    const auto nowhere = read_endpoint(startup);
    if (nowhere)
        co_return nowhere;
    const auto denied = co_await fail_if_planned(stage::access);
    if (denied)
        co_return denied;
    const std::string user{startup.get("user")};
    const auto unproven = co_await authenticate(user);
    if (unproven)
        co_return unproven;
    deadline_.cancel();  // a wake takes what it takes
    const auto asleep = co_await fail_if_planned(stage::wake);
    if (asleep)
        co_return asleep;
    co_return co_await reach_compute(startup);
}

refusal session::read_endpoint(const wire::startup_message& startup) {
    if (startup.get("user").empty())
        return "Parameter 'user' is missing in startup packet.";
    auto options = split_options(startup.get("options"));
    options_ = std::move(options.rest);

    const char* name = SSL_get_servername(client_.native_handle(), TLSEXT_NAMETYPE_host_name);
    auto chosen = choose_endpoint(name ? name : "", options.endpoint);
    endpoint_ = std::move(chosen.endpoint);
    return chosen.refused;
}

task<refusal> session::fail_if_planned(stage where) {
    const auto planned = world_.planned.take(where, faults::clock::now());
    if (!planned)
        co_return refusal{};
    co_await sleep_for(planned->delay);
    co_return planned->text;
}

task<refusal> session::reach_compute(const wire::startup_message& startup) {
    const bool awake = co_await world_.postgres.wake();
    if (!awake)
        co_return std::string{default_text(stage::compute)};
    const auto unreachable = co_await fail_if_planned(stage::compute);
    if (unreachable)
        co_return unreachable;
    co_return co_await connect_backend(startup);
}

/// Sends what is in `out_`; false when the client has gone.
task<bool> session::answer() {
    boost::system::error_code gone;
    const auto octets = asio::buffer(out_);
    co_await world_.way.cross_twice();
    co_await asio::async_write(client_, octets, asio::redirect_error(asio::use_awaitable, gone));
    out_.clear();
    co_return !gone;
}

task<void> session::refuse(std::string text) {
    ++world_.counted.refusals;
    append_refusal(out_, text);
    co_await answer();
}

}  // namespace neonsim
