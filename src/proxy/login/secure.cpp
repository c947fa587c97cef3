#include "secure.hpp"

#include <utility>

#include "pgballast/pool/classify.hpp"
#include "pgballast/wire/sqlstate.hpp"
#include "pgballast/wire/startup.hpp"
#include "ways.hpp"

namespace pgballast::proxy {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using pool::failure;
using pool::failure_kind;

std::optional<failure> refusal_of(ssl_answer answer) {
    const auto why = [](failure_kind kind, std::string_view sqlstate, const char* message) {
        return failure{kind, std::string{sqlstate}, message, {}, {}};
    };
    switch (answer) {
        case ssl_answer::willing:
            return std::nullopt;
        case ssl_answer::unwilling:
            return why(failure_kind::permanent, wire::sqlstate::connection_failure,
                       "the server does not support TLS, but sslmode requires it");
        case ssl_answer::injected:
            return why(failure_kind::transient, wire::sqlstate::protocol_violation,
                       "unencrypted data behind the server's answer to SSLRequest: a broken "
                       "server, or somebody in between");
        case ssl_answer::broken:
            break;
    }
    return why(failure_kind::transient, wire::sqlstate::protocol_violation,
               "the server did not understand an SSLRequest");
}

failure failure_of(bool neon, error_code error, const net::tls_filter* filter) {
    const bool told = filter && !filter->failure().empty();
    auto why = pool::classify(neon, pool::step::tls, error,
                              told ? std::string_view{filter->failure()} : std::string_view{});
    if (error == net::tls_errc::no_alpn)  // it will not learn direct TLS by waiting
        why.kind = failure_kind::permanent;
    return why;
}

}  // namespace

asio::awaitable<std::optional<failure>> secure(dialogue& talk, const config::dsn& upstream,
                                               const net::tls_context& tls, bool neon,
                                               const std::string& host, bool insist) {
    if (upstream.sslnegotiation == config::sslnegotiation::postgres) {
        std::string in;
        const auto request = wire::encode_ssl_request();
        auto error = co_await talk.write(request);
        if (!error)
            error = co_await talk.read(in);
        if (error)
            co_return failure_of(neon, error, nullptr);
        const auto answer = read_ssl_answer(in);
        if (answer == ssl_answer::unwilling && !insist)
            co_return std::nullopt;
        if (auto refusal = refusal_of(answer))
            co_return refusal;
    }
    auto filter = tls.make_filter(host);
    if (!filter)
        co_return failure_of(neon, filter.error(), nullptr);
    const auto error = co_await talk.start_tls(std::move(*filter));
    if (error)
        co_return failure_of(neon, error, talk.tls());
    co_return std::nullopt;
}

}  // namespace pgballast::proxy
