#include "pgballast/proxy/login/client_login.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <boost/endian/conversion.hpp>

#include "pgballast/auth/md5.hpp"
#include "pgballast/auth/random.hpp"
#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::proxy {
namespace {

namespace sqlstate = wire::sqlstate;

constexpr std::size_t md5_stored_size = 35;  // "md5" and 32 digits

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
    assert(options_.find_secret);
}

void client_login::tls_started(tls_facts facts) {
    assert(step_ == step::tls || (step_ == step::startup && !ssl_asked_));
    step_ = step::startup;
    ssl_asked_ = true;
    encrypted_ = true;
    tls_ = std::move(facts);
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

    if (auto refused = check_transport(out))
        return refused;
    ask_for_secret(out);
    return std::nullopt;
}

std::optional<client_login::event> client_login::check_transport(std::string& out) {
    if (options_.tls_required && !encrypted_)
        return reject(out, sqlstate::invalid_authorization,
                      "this server wants TLS: connect with sslmode=require");
    if (options_.name_in_certificate && encrypted_ && tls_.client_certificate_name != who_.user)
        return reject(out, sqlstate::invalid_authorization,
                      "the client's certificate is not of user \"" + who_.user + '"');
    return std::nullopt;
}

void client_login::ask_for_secret(std::string& out) {
    auto known = options_.find_secret(who_.user, who_.database);
    if (!known && options_.mock_md5)
        known = md5_secret{"md5"};  // no hash is that short
    if (!known)
        known = auth::make_mock_verifier(who_.user, options_.mock_secret);
    if (auto* md5 = std::get_if<md5_secret>(&*known)) {
        md5_stored_ = std::move(md5->text);
        md5_salt_ = auth::random_octets(4);
        step_ = step::md5;
        wire::append_authentication(out, wire::auth_code::md5, md5_salt_);
        return;
    }
    scram_.emplace(std::move(std::get<auth::scram_verifier>(*known)), tls_.server_certificate_hash);
    step_ = step::sasl_initial;
    append_sasl_mechanisms(out, !tls_.server_certificate_hash.empty());
}

std::optional<client_login::event> client_login::read_password(std::string& out) {
    if (!input_.empty() && input_.front() != 'p')
        return reject(out, sqlstate::protocol_violation,
                      "expected password response, got message type " +
                          std::to_string(static_cast<unsigned char>(input_.front())));
    const auto header = wire::decode_frame_header(input_, password_size_max);
    if (!header)
        return reject(out, sqlstate::protocol_violation, "invalid message length");
    if (!*header || input_.size() < (*header)->frame_size())
        return std::nullopt;

    const auto body = input_.substr(wire::header_size, (*header)->body_size);
    input_.erase(0, (*header)->frame_size());
    if (step_ == step::md5)
        return on_md5_answer(body, out);
    if (step_ == step::sasl_initial)
        return on_sasl_initial(body, out);
    return on_sasl_final(body, out);
}

client_login::event client_login::on_md5_answer(wire::bytes body, std::string& out) {
    const auto expected = auth::md5_response(md5_stored_, md5_salt_);
    if (!expected)
        return reject(out, sqlstate::internal_error, expected.error().message());
    const auto answer = body.substr(0, body.find('\0'));
    if (answer.size() != expected->size() ||
        CRYPTO_memcmp(answer.data(), expected->data(), answer.size()) != 0 ||
        md5_stored_.size() != md5_stored_size)
        return wrong_password(out);
    return let_in(out);
}

client_login::event client_login::let_in(std::string& out) {
    wire::append_authentication(out, wire::auth_code::ok);
    step_ = step::over;
    who_.early = std::move(input_);
    return std::move(who_);
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
    return let_in(out);
}

client_login::event client_login::on_scram_error(boost::system::error_code why, std::string& out) {
    if (why == auth::errc::wrong_password)
        return wrong_password(out);
    return reject(out, sqlstate::protocol_violation, "SCRAM failed: " + why.message());
}

client_login::event client_login::wrong_password(std::string& out) {
    return reject(out, sqlstate::invalid_password,
                  "password authentication failed for user \"" + who_.user + '"');
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
