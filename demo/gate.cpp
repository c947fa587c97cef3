#include "gate.hpp"

#include <boost/beast/core/string.hpp>

#include "pgballast/admin/loopback.hpp"

namespace signup_demo {

namespace http = boost::beast::http;

std::optional<denial> check_origin(const request& asked) {
    const auto host = asked[http::field::host];
    if (asked.count(http::field::host) != 1)
        return denial{http::status::bad_request, "one Host field is needed"};
    if (!pgballast::admin::is_loopback_host(host, "localhost"))
        return denial{http::status::misdirected_request, "this is for its own machine only"};
    if (asked.method() == http::verb::get || asked.method() == http::verb::head)
        return std::nullopt;

    const auto origin = asked.find(http::field::origin);
    const bool other_origin =
        origin != asked.end() && origin->value() != "http://" + std::string{host};
    const auto site = asked.find("Sec-Fetch-Site");
    const bool other_site =
        site != asked.end() && site->value() != "same-origin" && site->value() != "none";
    if (other_origin || other_site)
        return denial{http::status::forbidden, "asked for by another site"};
    return std::nullopt;
}

bool is_json(const request& asked) {
    const auto type = asked[http::field::content_type];
    auto media_type = type.substr(0, type.find(';'));
    while (!media_type.empty() && media_type.back() == ' ')
        media_type.remove_suffix(1);
    return boost::beast::iequals(media_type, "application/json");
}

}  // namespace signup_demo
