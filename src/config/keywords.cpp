#include "pgballast/config/keywords.hpp"

#include <algorithm>
#include <array>

namespace pgballast::config {
namespace {

using enum keyword_use;

constexpr std::string_view no_files = "the user's libpq files are not read by a server";
constexpr std::string_view no_oauth = "OAuth logins are not supported";
constexpr std::string_view no_gss = "GSSAPI is not used";
constexpr std::string_view own_keepalive = "pgballast watches its connections by its own rules";

constexpr auto keywords = std::to_array<keyword>({
    {"application_name"},
    {"channel_binding"},
    {"client_encoding", ignored, "", "each client chooses its own"},
    {"connect_timeout"},
    {"dbname"},
    {"fallback_application_name"},
    {"gssdelegation", ignored, "", no_gss},
    {"gssencmode", refused, "disable prefer", "GSSAPI encryption is not supported"},
    {"gsslib", ignored, "", no_gss},
    {"host"},
    {"hostaddr"},
    {"keepalives", ignored, "", own_keepalive},
    {"keepalives_count", ignored, "", own_keepalive},
    {"keepalives_idle", ignored, "", own_keepalive},
    {"keepalives_interval", ignored, "", own_keepalive},
    {"krbsrvname", ignored, "", no_gss},
    {"load_balance_hosts", refused, "disable", "hosts are tried in order"},
    {"max_protocol_version", ignored, "", "protocol 3.0 is spoken"},
    {"min_protocol_version", refused, "3.0", "protocol 3.0 is spoken"},
    {"oauth_client_id", refused, "", no_oauth},
    {"oauth_client_secret", refused, "", no_oauth},
    {"oauth_issuer", refused, "", no_oauth},
    {"oauth_scope", refused, "", no_oauth},
    {"options"},
    {"passfile", refused, "", no_files},
    {"password"},
    {"port"},
    {"replication", refused, "false off no 0", "replication is not carried"},
    {"require_auth", refused, "", "set channel_binding=require to demand SCRAM"},
    {"requirepeer", refused, "", "the owner of a Unix socket is not checked"},
    {"scram_client_key", refused, "", "give the password"},
    {"scram_server_key", refused, "", "give the password"},
    {"service", refused, "", no_files},
    {"servicefile", refused, "", no_files},
    {"ssl_max_protocol_version", refused, "TLSv1.3", "TLS 1.2 and later are spoken"},
    {"ssl_min_protocol_version", refused, "TLSv1 TLSv1.1 TLSv1.2", "TLS 1.2 is the least"},
    {"sslcert"},
    {"sslcertmode", refused, "allow", "a certificate given is sent when asked for"},
    {"sslcompression", ignored, "", "TLS compression is never used"},
    {"sslcrl", refused, "", "revocation lists are not supported"},
    {"sslcrldir", refused, "", "revocation lists are not supported"},
    {"sslkey"},
    {"sslkeylogfile", refused, "", "keys are not logged"},
    {"sslmode"},
    {"sslnegotiation"},
    {"sslpassword", refused, "", "an encrypted sslkey is not supported"},
    {"sslrootcert"},
    {"sslsni", refused, "1", "the host is always sent as SNI"},
    {"target_session_attrs"},
    {"tcp_user_timeout", ignored, "", own_keepalive},
    {"user"},
});
static_assert(std::ranges::is_sorted(keywords, {}, &keyword::name));

constexpr auto names = [] {
    std::array<std::string_view, keywords.size()> out;
    std::ranges::transform(keywords, out.begin(), &keyword::name);
    return out;
}();

}  // namespace

std::span<const keyword> known_keywords() {
    return keywords;
}

std::span<const std::string_view> known_keyword_names() {
    return names;
}

const keyword* find_keyword(std::string_view name) {
    const auto found = std::ranges::lower_bound(keywords, name, {}, &keyword::name);
    return found != keywords.end() && found->name == name ? &*found : nullptr;
}

}  // namespace pgballast::config
