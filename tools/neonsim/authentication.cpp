// SCRAM, or the clear-text password of a client that has no other way to name its
// endpoint. Checked here, in front of PostgreSQL: a wrong password wakes nothing.
#include "endpoint.hpp"
#include "messages_io.hpp"
#include "pgballast/auth/scram.hpp"
#include "session.hpp"
#include "world.hpp"

namespace neonsim {
namespace {

namespace auth = pgballast::auth;
using namespace std::string_view_literals;

constexpr std::uint32_t password_message_max = 512;  // Neon's proxy takes no more
constexpr auto mechanisms = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv;

std::string wrong_password(const std::string& user) {
    return "password authentication failed for user '" + user + "'";
}

std::string text_of(boost::system::error_code failed, const std::string& user) {
    if (failed == auth::errc::wrong_password)
        return wrong_password(user);
    if (failed == auth::errc::binding_downgrade)
        return "SCRAM-PLUS not used";
    if (failed == auth::errc::binding_mismatch)
        return "insecure connection: secure channel data mismatch";
    if (failed == auth::errc::unsupported_binding)
        return "unsupported channel binding method";
    return "authentication protocol violation";
}

}  // namespace

bool session::is_known(const std::string& user) const {
    return user == world_.self.user && endpoint_ == world_.self.endpoint;
}

task<refusal> session::authenticate(std::string user) {
    const auto unproven = co_await check_password(user);
    if (unproven)
        co_return unproven;
    const auto denied = co_await fail_if_planned(stage::auth);
    if (denied) {
        out_.clear();  // SASLFinal would be the end of an exchange that went well
        co_return denied;
    }
    wire::append_authentication(out_, wire::auth_code::ok);
    co_return refusal{};
}

task<refusal> session::check_password(std::string user) {
    if (endpoint_.empty())
        co_return co_await check_clear_text(user);
    co_return co_await check_scram(user);
}

/// Asks, and returns the body of the answer; nothing when there was none to be had.
task<std::optional<std::string>> session::read_password_message() {
    const bool asked = co_await answer();
    if (!asked)
        co_return std::nullopt;
    auto reply = co_await read_message(client_, password_message_max);
    if (!reply || reply->type != 'p')
        co_return std::nullopt;
    co_return std::move(reply->body);
}

task<refusal> session::check_scram(std::string user) {
    // An endpoint or a user nobody knows fails as a wrong password does.
    const auto verifier =
        is_known(user) ? world_.self.verifier : auth::make_mock_verifier(user, world_.self.binding);
    auth::scram_server scram{verifier, world_.self.binding};

    wire::append_authentication(out_, wire::auth_code::sasl, mechanisms);
    const auto initial = co_await read_password_message();
    if (!initial)
        co_return "Internal error";
    const auto chosen = wire::decode_sasl_initial_response(*initial);
    if (!chosen)
        co_return "authentication protocol violation";
    const auto first = scram.first(chosen->mechanism, chosen->response);
    if (!first)
        co_return text_of(first.error(), user);

    wire::append_authentication(out_, wire::auth_code::sasl_continue, *first);
    const auto proof = co_await read_password_message();
    if (!proof)
        co_return "Internal error";
    const auto final = scram.final(*proof);
    if (!final)
        co_return text_of(final.error(), user);
    wire::append_authentication(out_, wire::auth_code::sasl_final, *final);
    co_return refusal{};
}

task<refusal> session::check_clear_text(std::string user) {
    wire::append_authentication(out_, wire::auth_code::cleartext);
    const auto given = co_await read_password_message();
    if (!given)
        co_return "Internal error";
    if (given->empty() || given->back() != '\0')
        co_return "Malformed password message: missing terminator";

    const auto password = std::string_view{*given}.substr(0, given->size() - 1);
    const auto split = split_password(password);
    if (split.refused)
        co_return split.refused;
    auto chosen = choose_endpoint({}, split.endpoint);
    if (chosen.refused)
        co_return chosen.refused;
    endpoint_ = std::move(chosen.endpoint);
    if (!is_known(user) || split.password != world_.self.password)
        co_return wrong_password(user);
    co_return refusal{};
}

}  // namespace neonsim
