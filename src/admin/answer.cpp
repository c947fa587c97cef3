#include "pgballast/admin/answer.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "pgballast/admin/json.hpp"
#include "pgballast/admin/loopback.hpp"
#include "pgballast/admin/metrics.hpp"

namespace pgballast::admin {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

constexpr const char* plain_text = "text/plain; charset=utf-8";

struct page {
    http::status status;
    const char* type;
    std::string body;
};

page plain(http::status status, std::string text) {
    return {status, plain_text, std::move(text) + "\n"};
}

page plain(http::status status) {
    return plain(status, std::string{http::obsolete_reason(status)});
}

page of_json(const json::object& what, http::status status = http::status::ok) {
    return {status, "application/json", json::serialize(what) + "\n"};
}

page live(const look&) {
    return plain(http::status::ok, "alive");
}

page ready(const look& at) {
    return at().ready ? plain(http::status::ok, "ready")
                      : plain(http::status::service_unavailable, "not ready");
}

page database(const look& at) {
    const auto now = at();
    return of_json(health_json(now),
                   is_any_down(now) ? http::status::service_unavailable : http::status::ok);
}

page metrics(const look& at) {
    return {http::status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_text(at())};
}

page stats(const look& at) {
    return of_json(stats_json(at()));
}

page stories(const look& at) {
    return of_json(stories_json(at()));
}

struct route {
    std::string_view path;
    page (*make)(const look&);
};

constexpr route routes[] = {
    {"/health/live", live}, {"/health/ready", ready}, {"/health/database", database},
    {"/metrics", metrics},  {"/api/v1/stats", stats}, {"/api/v1/stories", stories},
};

/// HTTP/1.0 knows no Host, nor does a browser speak it.
std::optional<http::status> wrong_host(const request& asked, std::string_view listen_host) {
    const auto hosts = asked.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && asked.version() >= 11))
        return http::status::bad_request;
    if (hosts == 1 && !is_loopback_host(asked[http::field::host], listen_host))
        return http::status::misdirected_request;
    return std::nullopt;
}

page choose(const request& asked, std::string_view listen_host, const look& at) {
    if (const auto status = wrong_host(asked, listen_host))
        return plain(*status);
    const std::string_view target = asked.target();
    const auto* found = std::ranges::find(routes, target.substr(0, target.find('?')), &route::path);
    if (found == std::end(routes))
        return plain(http::status::not_found);
    if (asked.method() != http::verb::get && asked.method() != http::verb::head)
        return plain(http::status::method_not_allowed);
    return found->make(at);
}

response make_response(page from) {
    response made{from.status, 11};
    made.set(http::field::content_type, from.type);
    made.set(http::field::cache_control, "no-store");
    made.set("X-Content-Type-Options", "nosniff");
    if (from.status == http::status::method_not_allowed)
        made.set(http::field::allow, "GET, HEAD");
    made.body() = std::move(from.body);
    made.prepare_payload();
    return made;
}

}  // namespace

response answer(const request& asked, std::string_view listen_host, const look& at) {
    auto made = make_response(choose(asked, listen_host, at));
    made.version(asked.version());
    made.keep_alive(asked.keep_alive());
    if (asked.method() == http::verb::head)
        made.body().clear();  // its length stays in the header: RFC 9110, 9.3.2
    return made;
}

response refusal(http::status status) {
    auto made = make_response(plain(status));
    made.keep_alive(false);
    return made;
}

}  // namespace pgballast::admin
