#include "scram_message.hpp"

#include <algorithm>
#include <charconv>

#include "attributes.hpp"
#include "digest.hpp"
#include "pgballast/auth/base64.hpp"

namespace pgballast::auth {
namespace {

boost::system::error_code check_message(std::string_view text) noexcept {
    if (text.size() > message_size_max)
        return errc::message_too_long;
    if (text.find('\0') != std::string_view::npos)
        return errc::malformed_message;
    return {};
}

boost::system::error_code check_nonce(std::string_view nonce) noexcept {
    if (nonce.size() > nonce_size_max)
        return errc::message_too_long;
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    if (nonce.empty() || !std::ranges::all_of(nonce, printable))
        return errc::malformed_message;
    return {};
}

/// Splits off all up to the first comma, which goes too.
bool take_until_comma(std::string_view& rest, std::string_view& part) noexcept {
    const auto comma = rest.find(',');
    if (comma == std::string_view::npos)
        return false;
    part = rest.substr(0, comma);
    rest.remove_prefix(comma + 1);
    return true;
}

/// Reads "n,,", "y,," or "p=type,,"; leaves the rest in `message.bare`.
boost::system::error_code parse_gs2_header(std::string_view text, client_first_message& message) {
    std::string_view flag;
    std::string_view authzid;
    message.bare = text;
    if (!take_until_comma(message.bare, flag) || !take_until_comma(message.bare, authzid))
        return errc::malformed_message;
    message.gs2_header = text.substr(0, text.size() - message.bare.size());

    if (authzid.starts_with("a="))
        return errc::unsupported_authzid;
    if (!authzid.empty() || flag.empty())
        return errc::malformed_message;

    message.binding_flag = flag.front();
    if (flag.starts_with("p=")) {
        message.binding_type = flag.substr(2);
        return {};
    }
    if (flag != "n" && flag != "y")
        return errc::malformed_message;
    return {};
}

}  // namespace

boost::system::result<client_first_message> parse_client_first(std::string_view text) {
    client_first_message message{};
    if (const auto error = check_message(text))
        return error;
    if (const auto error = parse_gs2_header(text, message))
        return error;

    attributes in{message.bare};
    in.refuse_mandatory_extension();
    in.value('n');
    message.nonce = in.value('r');
    in.skip_extensions();
    if (const auto error = in.error())
        return error;
    if (const auto error = check_nonce(message.nonce))
        return error;
    return message;
}

boost::system::result<server_first_message> parse_server_first(std::string_view text) {
    if (const auto error = check_message(text))
        return error;

    attributes in{text};
    in.refuse_mandatory_extension();
    const auto nonce = in.value('r');
    const auto salt_text = in.value('s');
    const auto iterations_text = in.value('i');
    in.skip_extensions();
    if (const auto error = in.error())
        return error;
    if (const auto error = check_nonce(nonce))
        return error;

    auto salt = base64_decode(salt_text);
    if (!salt || salt->empty() || salt->size() > salt_size_max)
        return make_error_code(errc::bad_salt);
    const auto iterations = parse_iterations(iterations_text, iterations_max);
    if (!iterations)
        return iterations.error();
    return server_first_message{nonce, std::move(*salt), *iterations};
}

boost::system::result<client_final_message> parse_client_final(std::string_view text) {
    if (const auto error = check_message(text))
        return error;

    attributes in{text};
    const auto binding_text = in.value('c');
    const auto nonce = in.value('r');
    in.skip_extensions('p');
    const auto proof_at = in.offset();
    const auto proof_text = in.value('p');
    in.expect_end();
    if (const auto error = in.error())
        return error;

    auto binding = base64_decode(binding_text);
    client_final_message message{};
    if (!binding || !parse_digest(proof_text, message.proof))
        return make_error_code(errc::malformed_message);
    message.binding = std::move(*binding);
    message.nonce = nonce;
    message.without_proof = text.substr(0, proof_at - 1);  // nor the comma
    return message;
}

boost::system::result<sha256_digest> parse_server_final(std::string_view text) {
    if (const auto error = check_message(text))
        return error;
    if (text.starts_with("e="))
        return make_error_code(errc::refused_by_server);

    attributes in{text};
    const auto signature_text = in.value('v');
    in.skip_extensions();
    if (const auto error = in.error())
        return error;
    sha256_digest signature;
    if (!parse_digest(signature_text, signature))
        return make_error_code(errc::malformed_message);
    return signature;
}

boost::system::result<int> parse_iterations(std::string_view text, int max) {
    int count = 0;
    const auto* const last = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), last, count);
    if (error != std::errc{} || stop != last || count < 1 || count > max)
        return make_error_code(errc::bad_iterations);
    return count;
}

bool parse_digest(std::string_view text, sha256_digest& digest) {
    const auto raw = base64_decode(text);
    if (!raw || raw->size() != digest.size())
        return false;
    std::ranges::copy(*raw, digest.begin());
    return true;
}

std::string auth_message(std::string_view client_first_bare, std::string_view server_first,
                         std::string_view client_final_without_proof) {
    std::string text{client_first_bare};
    text.append(",").append(server_first);
    text.append(",").append(client_final_without_proof);
    return text;
}

std::string make_nonce() {
    return base64_encode(random_octets(18));
}

}  // namespace pgballast::auth
