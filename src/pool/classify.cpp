#include "pgballast/pool/classify.hpp"

#include <algorithm>
#include <string>

#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::pool {
namespace {

namespace sqlstate = wire::sqlstate;
namespace errc = boost::system::errc;

// A text that Neon's proxy refuses a login with. Its parts must occur in this order.
struct known_text {
    std::string_view first;
    std::string_view then = {};
    std::string_view sqlstate = {};  // PostgreSQL's for this; else the server's is kept
};

// Answers that do not change by asking again. From the user-facing messages in
// proxy/src/ of https://github.com/neondatabase/neon, and PostgreSQL's own as they
// pass through it.
constexpr known_text permanent_texts[] = {
    {"password authentication failed", "", sqlstate::invalid_password},
    {"role \"", "\" does not exist", sqlstate::invalid_authorization},
    {"database \"", "\" does not exist", sqlstate::invalid_catalog_name},
    {"endpoint id is not specified"},
    {"inconsistent project name"},
    {"project name (", "must contain only"},
    {"parameter 'user' is missing"},
    {"unsupported startup parameter"},
    {"connection is insecure"},
    {"this ip address", "is not allowed"},
    {"blocked network"},
    {"vpc endpoint"},
    {"scram-plus not used"},
    {"secure channel data mismatch"},
    {"unsupported channel binding"},
    {"authentication protocol violation"},
    {"malformed password message"},
    {"endpoint", "cannot be found"},
    {"endpoint", "could not be found"},
    {"endpoint is disabled"},
    {"exceeded", "quota"},
    {"quota", "exceeded"},
    {"exceeded the limit"},
};

// These stand for an exhausted quota as well as for a moment's trouble. They are
// waited out, but whoever waits in vain should know where to look.
constexpr known_text ambiguous_texts[] = {
    {"control plane request failed"},
    {"endpoint is temporarily unavailable"},
};
constexpr const char* ambiguous_hint =
    "Neon may repeat this answer for up to 30 s. If it lasts, look at the project's status and "
    "quotas in the Neon console.";

// SQLSTATEs and classes by which PostgreSQL says that the request is at fault: wrong
// credentials or pg_hba.conf, no such database, no such setting, no permission.
constexpr std::string_view permanent_sqlstates[] = {"28", "3D000", "0A000", "22", "42"};

constexpr std::string_view restarting_sqlstates[] = {
    sqlstate::cannot_connect_now, sqlstate::admin_shutdown, sqlstate::crash_shutdown};

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    return result;
}

template <std::size_t N>
const known_text* find(const known_text (&texts)[N], std::string_view lowered) {
    const auto found = std::find_if(texts, texts + N, [=](const known_text& known) {
        const auto at = lowered.find(known.first);
        return at != lowered.npos &&
               lowered.find(known.then, at + known.first.size()) != lowered.npos;
    });
    return found == texts + N ? nullptr : found;
}

template <std::size_t N>
bool starts_with_any(std::string_view code, const std::string_view (&prefixes)[N]) {
    return std::any_of(prefixes, prefixes + N,
                       [=](std::string_view prefix) { return code.starts_with(prefix); });
}

failure_kind kind_of(std::string_view code) {
    if (starts_with_any(code, permanent_sqlstates))
        return failure_kind::permanent;
    if (starts_with_any(code, restarting_sqlstates))
        return failure_kind::restarting;
    return failure_kind::transient;
}

// Neon wakes and restarts computes by itself and makes us wait meanwhile: there is no
// use in asking it often.
failure_kind for_neon(bool neon, failure_kind kind) {
    return neon && kind == failure_kind::restarting ? failure_kind::transient : kind;
}

void classify_text(failure& result) {
    const auto lowered = lower(result.message);
    if (const auto* known = find(permanent_texts, lowered)) {
        result.kind = failure_kind::permanent;
        if (!known->sqlstate.empty())
            result.sqlstate = known->sqlstate;
    } else if (find(ambiguous_texts, lowered)) {
        result.hint = ambiguous_hint;
    }
}

std::string_view in_words(step at) {
    switch (at) {
        case step::resolve:
            return "could not resolve the server's name: ";
        case step::connect:
            return "could not reach the server: ";
        case step::tls:
            return "TLS with the server failed: ";
        case step::login:
            break;
    }
    return "the server did not complete the login: ";
}

// Nothing listens there: the port is closed, or the socket file is not there yet.
bool nobody_listens(step at, const boost::system::error_code& why) {
    return at == step::connect &&
           (why == errc::connection_refused || why == errc::no_such_file_or_directory);
}

}  // namespace

failure classify(bool neon, std::string_view code, std::string_view message) {
    failure result;
    result.kind = for_neon(neon, kind_of(code));
    result.sqlstate = code.empty() ? sqlstate::internal_error : code;
    result.message = message;
    if (neon)
        classify_text(result);
    return result;
}

failure classify(bool neon, step at, const boost::system::error_code& why, std::string_view words) {
    failure result;
    result.sqlstate = sqlstate::connection_failure;
    const std::string cause = words.empty() ? why.message() : std::string(words);
    result.message = std::string(in_words(at)) + cause;

    // Both OpenSSL's reason for a chain or name that does not verify and the alerts by
    // which a server turns down ours speak of certificates, and nothing else does.
    if (at == step::tls && lower(cause).find("certificate") != std::string::npos) {
        result.kind = failure_kind::permanent;
        result.hint =
            "Look at the certificates in use and at the upstream's sslmode and sslrootcert.";
    } else if (nobody_listens(at, why)) {
        result.kind = for_neon(neon, failure_kind::restarting);
    }
    return result;
}

}  // namespace pgballast::pool
