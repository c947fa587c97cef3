#include "pgballast/proxy/login/client_login.hpp"

#include <algorithm>
#include <boost/endian/conversion.hpp>

#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {
namespace {

namespace sqlstate = wire::sqlstate;

// Values of the startup parameter "replication" that ask for an ordinary connection.
bool is_false(wire::bytes value) {
    static constexpr wire::bytes words[] = {"", "false", "off", "no", "0"};
    return std::ranges::find(words, value) != std::end(words);
}

std::int32_t code_of(wire::bytes packet) {
    assert(packet.size() >= 8);
    return boost::endian::load_big_s32(reinterpret_cast<const unsigned char*>(packet.data() + 4));
}

void append_sasl_mechanisms(std::string& out, bool plus) {
    using namespace std::string_view_literals;
    wire::append_authentication(
        out, wire::auth_code::sasl,
        plus ? "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv : "SCRAM-SHA-256\0\0"sv);
}

}  // namespace

client_login::client_login(options how) : options_{std::move(how)} {
    assert(options_.find_verifier);
}

void client_login::tls_started(std::string server_certificate_hash) {
    assert(step_ == step::tls || (step_ == step::startup && !ssl_asked_));
    step_ = step::startup;
    ssl_asked_ = true;
    server_certificate_hash_ = std::move(server_certificate_hash);
}

client_login::event client_login::feed(wire::bytes in, std::string& out) {
    assert(step_ != step::over && step_ != step::tls);
    input_.append(in);
    for (;;) {
        const auto before = input_.size();
        auto result = step_ == step::startup ? read_startup(out) : read_password(out);
        if (result)
            return std::move(*result);
        if (input_.size() == before)  // nothing whole is left
            return more{};
    }
}

std::optional<client_login::event> client_login::read_startup(std::string& out) {
    auto decoded = wire::decode_startup(input_);
    if (!decoded)
        return on_startup_error(decoded.error(), out);
    if (!*decoded)
        return std::nullopt;
    input_.erase(0, (*decoded)->size);

    auto& packet = (*decoded)->packet;
    if (std::holds_alternative<wire::ssl_request>(packet))
        return on_ssl_request(out);
    if (std::holds_alternative<wire::gssenc_request>(packet))
        return on_gssenc_request(out);
    if (auto* request = std::get_if<wire::cancel_request>(&packet)) {
        step_ = step::over;
        return cancel{std::move(*request)};
    }
    return on_startup(std::move(std::get<wire::startup_message>(packet)), out);
}

client_login::event client_login::on_startup_error(boost::system::error_code why,
                                                   std::string& out) {
    if (why == wire::errc::unknown_protocol)
        return unsupported_protocol(code_of(input_), out);
    if (why == wire::errc::bad_length)
        return reject(out, sqlstate::protocol_violation, "invalid length of startup packet");
    return reject(out, sqlstate::protocol_violation,
                  "invalid startup packet layout: " + why.message());
}

std::optional<client_login::event> client_login::on_ssl_request(std::string& out) {
    if (ssl_asked_)
        return unsupported_protocol(wire::ssl_request_code, out);
    ssl_asked_ = true;
    if (!options_.tls_available) {
        out.push_back('N');
        return std::nullopt;
    }
    // Somebody in between may have put them there, to be read as if they were encrypted
    // (CVE-2021-23214).
    if (!input_.empty())
        return reject(out, sqlstate::protocol_violation,
                      "received unencrypted data after SSL request");
    out.push_back('S');
    step_ = step::tls;
    return start_tls{};
}

std::optional<client_login::event> client_login::on_gssenc_request(std::string& out) {
    if (gss_asked_)
        return unsupported_protocol(wire::gssenc_request_code, out);
    gss_asked_ = true;
    out.push_back('N');
    return std::nullopt;
}

std::optional<client_login::event> client_login::on_startup(wire::startup_message message,
                                                            std::string& out) {
    const auto unknown = message.protocol_options();
    if (message.protocol != wire::protocol_3_0 || !unknown.empty())
        wire::append_negotiate_protocol(out, wire::protocol_3_0, unknown);

    who_.user = message.get("user");
    who_.database = message.get("database");
    if (who_.user.empty())
        return reject(out, sqlstate::invalid_authorization,
                      "no PostgreSQL user name specified in startup packet");
    if (who_.database.empty())
        who_.database = who_.user;
    if (!is_false(message.get("replication")))
        return reject(out, sqlstate::feature_not_supported,
                      "replication connections are not supported by this proxy: connect to the "
                      "server directly");
    who_.parameters = std::move(message.parameters);
    std::erase_if(who_.parameters, [](const auto& parameter) {
        const auto& name = parameter.first;
        return name == "user" || name == "database" || name == "replication" ||
               name.starts_with("_pq_.");
    });

    auto verifier = options_.find_verifier(who_.user, who_.database);
    if (!verifier)
        verifier = auth::make_mock_verifier(who_.user, options_.mock_secret);
    scram_.emplace(std::move(*verifier), server_certificate_hash_);
    step_ = step::sasl_initial;
    append_sasl_mechanisms(out, !server_certificate_hash_.empty());
    return std::nullopt;
}

std::optional<client_login::event> client_login::read_password(std::string& out) {
    if (!input_.empty() && input_.front() != 'p')
        return reject(out, sqlstate::protocol_violation,
                      "expected SASL response, got message type " +
                          std::to_string(static_cast<unsigned char>(input_.front())));
    const auto header = wire::decode_frame_header(input_, password_size_max);
    if (!header)
        return reject(out, sqlstate::protocol_violation, "invalid message length");
    if (!*header || input_.size() < (*header)->frame_size())
        return std::nullopt;

    const auto body = input_.substr(wire::header_size, (*header)->body_size);
    input_.erase(0, (*header)->frame_size());
    if (step_ == step::sasl_initial)
        return on_sasl_initial(body, out);
    return on_sasl_final(body, out);
}

std::optional<client_login::event> client_login::on_sasl_initial(wire::bytes body,
                                                                 std::string& out) {
    const auto initial = wire::decode_sasl_initial_response(body);
    if (!initial)
        return reject(out, sqlstate::protocol_violation, "malformed SASL response");
    const auto challenge = scram_->first(initial->mechanism, initial->response);
    if (!challenge)
        return on_scram_error(challenge.error(), out);
    wire::append_authentication(out, wire::auth_code::sasl_continue, *challenge);
    step_ = step::sasl_final;
    return std::nullopt;
}

client_login::event client_login::on_sasl_final(wire::bytes body, std::string& out) {
    const auto proof = scram_->final(body);
    if (!proof)
        return on_scram_error(proof.error(), out);
    wire::append_authentication(out, wire::auth_code::sasl_final, *proof);
    wire::append_authentication(out, wire::auth_code::ok);
    step_ = step::over;
    who_.early = std::move(input_);
    return std::move(who_);
}

client_login::event client_login::on_scram_error(boost::system::error_code why, std::string& out) {
    if (why == auth::errc::wrong_password)
        return reject(out, sqlstate::invalid_password,
                      "password authentication failed for user \"" + who_.user + '"');
    return reject(out, sqlstate::protocol_violation, "SCRAM failed: " + why.message());
}

client_login::event client_login::unsupported_protocol(std::int32_t code, std::string& out) {
    const auto version = static_cast<std::uint32_t>(code);
    return reject(out, sqlstate::feature_not_supported,
                  "unsupported frontend protocol " + std::to_string(version >> 16) + '.' +
                      std::to_string(version & 0xffff) + ": server supports 3.0 to 3.0");
}

client_login::event client_login::reject(std::string& out, wire::bytes code, std::string message) {
    wire::append_error(out, {.severity = "FATAL", .sqlstate = code, .message = message});
    step_ = step::over;
    return rejected{std::move(message), std::move(who_.user)};
}

void append_welcome(std::string& out,
                    const std::vector<std::pair<std::string, std::string>>& parameters,
                    std::int32_t pid, wire::bytes key) {
    for (const auto& [name, value] : parameters)
        wire::append_parameter_status(out, name, value);
    wire::append_backend_key(out, pid, key);
    wire::append_ready_for_query(out, wire::txn::idle);
}

}  // namespace pgballast::proxy
