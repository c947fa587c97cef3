#include "pgballast/proxy/login/backend_login.hpp"

#include <algorithm>

#include "pgballast/auth/md5.hpp"
#include "pgballast/pool/classify.hpp"
#include "pgballast/wire/sqlstate.hpp"
#include "pgballast/wire/startup.hpp"

namespace pgballast::proxy {
namespace {

namespace sqlstate = wire::sqlstate;

std::uint32_t body_max(char type) {
    switch (type) {
        case 'E':
            return backend_login::error_size_max;
        case 'R':
            return backend_login::authentication_size_max;
        default:
            return backend_login::message_max;
    }
}

}  // namespace

backend_login::backend_login(const config::dsn& upstream, transport how, bool neon)
    : upstream_{upstream}, transport_{std::move(how)}, neon_{neon} {}

std::string backend_login::start() const {
    wire::startup_message message{wire::protocol_3_0, {}};
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty())
            message.parameters.emplace_back(name, value);
    };
    add("user", upstream_.user);
    add("database", upstream_.dbname);
    add("application_name", upstream_.application_name);
    add("options", upstream_.options);
    return wire::encode_startup(message);
}

backend_login::progress backend_login::feed(wire::bytes in, std::string& out) {
    assert(progress_ == progress::more);
    received_ += in.size();
    if (received_ > received_max) {
        violation("more bytes than a login has");
        return progress_;
    }
    input_.append(in);
    wire::bytes rest{input_};
    while (progress_ == progress::more && read_message(rest, out)) {
    }
    // Only now: what came along with ReadyForQuery may be an error, or what nobody asked
    // for. A server that always says such a thing is none that can be logged in to.
    if (progress_ == progress::more && step_ == step::ready) {
        progress_ = progress::done;
        session_.early = rest;
    }
    input_.erase(0, input_.size() - rest.size());
    return progress_;
}

/// Deals with the message at the front of `rest`; false while it is not whole.
bool backend_login::read_message(wire::bytes& rest, std::string& out) {
    if (rest.empty())
        return false;
    const auto header = wire::decode_frame_header(rest, body_max(rest.front()));
    if (!header) {
        violation_by_length(rest);
        return true;
    }
    if (!*header || rest.size() < (*header)->frame_size())
        return false;

    const auto body = rest.substr(wire::header_size, (*header)->body_size);
    rest.remove_prefix((*header)->frame_size());
    on_message((*header)->type, body, out);
    return true;
}

void backend_login::on_message(char type, wire::bytes body, std::string& out) {
    const bool ready = step_ == step::ready;
    const bool logged_in = step_ == step::ok || ready;
    if (type == 'E')
        on_error(body);
    else if (type == 'N' || (ready && type == 'A'))
        return;
    else if (!logged_in && type == 'R')
        on_authentication(body, out);
    else if (!logged_in && type == 'v')
        return;  // NegotiateProtocolVersion: 3.0 is what we asked for, and the least there is
    else if (logged_in && type == 'S')
        on_parameter_status(body);
    else if (logged_in && !ready && type == 'K')
        on_backend_key(body);
    else if (logged_in && !ready && type == 'Z')
        on_ready_for_query(body);
    else
        violation(std::string{"unexpected message type 0x"} + "0123456789abcdef"[type >> 4 & 15] +
                  "0123456789abcdef"[type & 15]);
}

void backend_login::on_authentication(wire::bytes body, std::string& out) {
    const auto request = wire::decode_authentication(body);
    if (!request)
        return violation("malformed authentication request");
    switch (request->code) {
        case wire::auth_code::ok:
            return on_authentication_ok();
        case wire::auth_code::cleartext:
        case wire::auth_code::md5:
            return on_password_request(*request, out);
        case wire::auth_code::sasl:
            return on_sasl(request->data, out);
        case wire::auth_code::sasl_continue:
            return on_sasl_continue(request->data, out);
        case wire::auth_code::sasl_final:
            return on_sasl_final(request->data);
    }
    refuse(sqlstate::invalid_authorization,
           "the server asks for an authentication method that is not supported (" +
               std::to_string(static_cast<int>(request->code)) + ')');
}

void backend_login::on_password_request(const wire::authentication& request, std::string& out) {
    if (step_ != step::startup)
        return violation("a second authentication request");
    if (must_bind())
        return refuse(sqlstate::invalid_authorization,
                      "channel_binding=require, but the server asks for a plain password");
    if (upstream_.password.empty())
        return refuse(sqlstate::invalid_password, "the server asks for a password: none is given");
    step_ = step::password_sent;
    method_ = request.code == wire::auth_code::cleartext ? "password" : "md5";
    if (request.code == wire::auth_code::cleartext)
        return wire::append_password(out, upstream_.password);

    const auto answer = auth::md5_response(upstream_.user, upstream_.password, request.data);
    if (!answer)
        return refuse(sqlstate::invalid_authorization, answer.error().message());
    wire::append_password(out, *answer);
}

void backend_login::on_sasl(wire::bytes data, std::string& out) {
    if (step_ != step::startup)
        return violation("a second authentication request");
    const auto mechanisms = wire::decode_sasl_mechanisms(data);
    if (!mechanisms)
        return violation("malformed list of SASL mechanisms");
    const auto offered = [&](wire::bytes name) {
        return std::ranges::find(*mechanisms, name) != mechanisms->end();
    };
    const bool plus = offered("SCRAM-SHA-256-PLUS");
    bound_ = plus && can_bind();
    if (must_bind() && !bound_)
        return refuse(sqlstate::invalid_authorization,
                      transport_.encrypted
                          ? "channel_binding=require, but the server does not offer it"
                          : "channel_binding=require, but the connection is not on TLS");
    if (!bound_ && !offered("SCRAM-SHA-256"))
        return refuse(sqlstate::invalid_authorization,
                      "the server offers no SASL mechanism that is supported");
    if (upstream_.password.empty())
        return refuse(sqlstate::invalid_password, "the server asks for a password: none is given");

    const auto binding = bound_ ? wire::bytes{transport_.server_certificate_hash} : wire::bytes{};
    scram_.emplace(upstream_.password, binding, can_bind() && !plus);
    step_ = step::scram_first_sent;
    method_ = scram_->mechanism();
    wire::append_sasl_initial_response(out, scram_->mechanism(), scram_->first());
}

void backend_login::on_sasl_continue(wire::bytes server_first, std::string& out) {
    if (step_ != step::scram_first_sent)
        return violation("a SASL message that is not due");
    const auto answer = scram_->final(server_first);
    if (!answer)
        return refuse(sqlstate::invalid_authorization,
                      "SCRAM with the server failed: " + answer.error().message());
    step_ = step::scram_final_sent;
    wire::append_sasl_response(out, *answer);
}

void backend_login::on_sasl_final(wire::bytes server_final) {
    if (step_ != step::scram_final_sent)
        return violation("a SASL message that is not due");
    if (const auto error = scram_->verify(server_final))
        return refuse(sqlstate::invalid_authorization,
                      "SCRAM with the server failed: " + error.message());
    step_ = step::proven;
}

void backend_login::on_authentication_ok() {
    if (step_ == step::scram_first_sent || step_ == step::scram_final_sent)
        return refuse(sqlstate::invalid_authorization,
                      "the server did not prove that it knows the password");
    if (must_bind() && !bound_)
        return refuse(sqlstate::invalid_authorization,
                      "channel_binding=require, but the server asks for no password");
    step_ = step::ok;
}

void backend_login::on_error(wire::bytes body) {
    const auto fields = wire::decode_error_fields(body);
    const bool silent = fields.message.empty();
    auto why = pool::classify(
        neon_, fields.sqlstate,
        silent ? "the server refuses the login and does not say why" : fields.message);
    why.detail = fields.detail;
    if (!fields.hint.empty())
        why.hint = fields.hint;
    turned_away_ = step_ == step::startup && why.kind == pool::failure_kind::permanent;
    fail(std::move(why));
}

void backend_login::on_parameter_status(wire::bytes body) {
    const auto status = wire::decode_parameter_status(body);
    if (!status || body.size() > parameter_size_max)
        return violation("malformed ParameterStatus");
    auto& known = session_.parameters;
    const auto same =
        std::ranges::find(known, status->name, [](auto& p) { return wire::bytes{p.first}; });
    if (same != known.end())
        same->second = status->value;
    else if (known.size() < parameters_max)
        known.emplace_back(status->name, status->value);
    else
        violation("too many parameters");
}

void backend_login::on_backend_key(wire::bytes body) {
    auto key = wire::decode_backend_key(body);
    if (!key)
        return violation("malformed BackendKeyData");
    session_.key = std::move(*key);
}

void backend_login::on_ready_for_query(wire::bytes body) {
    if (!wire::decode_ready_for_query(body))
        return violation("malformed ReadyForQuery");
    step_ = step::ready;
}

bool backend_login::must_bind() const noexcept {
    return upstream_.channel_binding == config::channel_binding::require;
}

bool backend_login::can_bind() const noexcept {
    return transport_.encrypted && !transport_.server_certificate_hash.empty() &&
           upstream_.channel_binding != config::channel_binding::disable;
}

/// It is we who will not go on, and would not the next time.
void backend_login::refuse(std::string_view code, std::string message) {
    fail({pool::failure_kind::permanent, std::string{code}, std::move(message), {}, {}});
}

void backend_login::violation(std::string_view what) {
    fail({pool::failure_kind::transient,
          std::string{sqlstate::protocol_violation},
          "the server does not keep to the protocol: " + std::string{what},
          {},
          {}});
}

/// A postmaster that cannot fork says so in the manner of protocol 2: an 'E', then the
/// text (report_fork_failure_to_client in postmaster.c). Its letters make a length that
/// is out of bounds.
void backend_login::violation_by_length(wire::bytes message) {
    constexpr std::size_t text_max = 500;
    const auto text = message.substr(1, text_max);
    const auto end = std::ranges::find_if(text, [](unsigned char c) { return c < ' ' || c > '~'; });
    const wire::bytes printable{text.data(), static_cast<std::size_t>(end - text.begin())};
    if (step_ != step::startup || message.front() != 'E' || printable.size() < 4)
        return violation("invalid message length");
    fail(pool::classify(neon_, sqlstate::connection_failure, printable));
}

void backend_login::fail(pool::failure why) {
    failure_ = std::move(why);
    progress_ = progress::failed;
}

}  // namespace pgballast::proxy
