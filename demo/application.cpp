#include "application.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <stdexcept>

#include "gate.hpp"
#include "page_files.hpp"
#include "sign_up.hpp"
#include "statements.hpp"

namespace signup_demo {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using namespace std::chrono_literals;
using clock = timeline::clock;

constexpr auto look_interval = 200ms;
constexpr auto look_timeout = 2s;
constexpr auto act_timeout = 60s;
constexpr const char* slow_wake = R"({"wake":3000})";
constexpr const char* normal_wake = R"({"wake":500})";

/// What a button asks neonsim for.
struct action {
    std::string_view name;
    const char* verb;
    const char* body;
    const char* told;
};

constexpr action actions[] = {
    {"suspend", "suspend", "", "compute suspended"},
    {"restart", "restart", R"({"gap":1500})", "compute restarted"},
    {"cut", "rst", "", "connections cut"},
    {"freeze", "freeze", "", "network frozen"},
    {"thaw", "thaw", "", "network thawed"},
    {"slow-wake", "set", slow_wake, "waking takes 3 s"},
    {"normal-wake", "set", normal_wake, "waking takes 0.5 s"},
};

/// Everything the page uses comes from here, and nobody may frame it.
constexpr const char* content_security_policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

response make_response(const request& to, http::status status, std::string_view type,
                       std::string body) {
    response made{status, to.version()};
    made.set(http::field::content_type, boost::beast::string_view{type.data(), type.size()});
    made.set(http::field::cache_control, "no-store");
    made.set("X-Content-Type-Options", "nosniff");
    made.set("Referrer-Policy", "no-referrer");
    made.set("Content-Security-Policy", content_security_policy);
    made.body() = std::move(body);
    made.prepare_payload();
    if (to.method() == http::verb::head)
        made.body().clear();  // its length stays in the header: RFC 9110, 9.3.2
    return made;
}

response of_json(const request& to, http::status status, const json::object& what) {
    return make_response(to, status, "application/json", json::serialize(what) + "\n");
}

response refusal(const request& to, http::status status, std::string_view code,
                 std::string_view why) {
    return of_json(to, status, error_json(code, why));
}

std::string milliseconds(std::chrono::microseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "db;dur=%.1f", static_cast<double>(time.count()) / 1000);
    return text;
}

const char* name_of(lane column) {
    return column == lane::direct ? "direct" : "pgballast";
}

json::object handle_json(const database& handle) {
    json::object told{
        {"state", to_string(handle.state())}, {"notice", handle.notice()}, {"error", nullptr}};
    if (const auto error = handle.last_error())
        told["error"] = error->message;
    return told;
}

/// `running`, `waking` …, and `frozen` above all: nothing can be reached then.
std::string_view compute_state(const json::object& statistics) {
    if (const auto* frozen = statistics.if_contains("frozen");
        frozen != nullptr && frozen->is_bool() && frozen->get_bool())
        return "frozen";
    const auto* state = statistics.if_contains("state");
    if (state == nullptr || !state->is_string())
        return "unknown";
    return {state->get_string().data(), state->get_string().size()};
}

/// What pgballast tells of the pool of this database; null where it tells nothing.
json::value pool_of(const json::object& statistics, std::string_view name) {
    const auto* pools = statistics.if_contains("pools");
    if (pools == nullptr || !pools->is_array())
        return nullptr;
    for (const auto& each : pools->get_array()) {
        const auto* database =
            each.is_object() ? each.get_object().if_contains("database") : nullptr;
        if (database != nullptr && database->is_string() && database->get_string() == name)
            return each;
    }
    return nullptr;
}

}  // namespace

application::application(const options& given) : given_{given}, pgballast_{given.dsn} {
    if (!given.direct_dsn.empty())
        direct_.emplace(given.direct_dsn);
}

asio::awaitable<void> application::create_tables() {
    // On a connection of its own, as migrations are: what they leave behind in a session is
    // not known, and pgballast would close it when its backend is lost.
    database once{given_.dsn};
    for (const auto* text : statements::create) {
        query create{text};
        const auto result = co_await once.run(std::move(create));
        if (const auto* error = std::get_if<database_error>(&result))
            throw std::runtime_error{"the tables cannot be created: " + error->message};
    }
}

asio::awaitable<void> application::connect(lane column) {
    if (column == lane::direct && !direct_)
        co_return;
    auto& handle = of(column);
    co_await handle.restart();
}

asio::awaitable<void> application::watch() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer{executor};
    for (;;) {
        co_await look();
        timer.expires_after(look_interval);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

/// Neither question wakes a compute.
asio::awaitable<void> application::look() {
    note(lane::pgballast);
    if (direct_)
        note(lane::direct);
    if (!given_.neonsim.empty()) {
        auto found = co_await ask(given_.neonsim, http::verb::get, "/stats", "", look_timeout);
        auto* statistics = std::get_if<json::object>(&found);
        compute_.reset();
        if (statistics != nullptr)
            compute_ = std::move(*statistics);
        timeline_.enter(lane::compute, compute_ ? compute_state(*compute_) : "unknown",
                        clock::now());
    }
    if (!given_.pgballast_admin.empty()) {
        auto found = co_await ask(given_.pgballast_admin, http::verb::get, "/api/v1/stats", "",
                                  look_timeout);
        auto* statistics = std::get_if<json::object>(&found);
        proxy_.reset();
        if (statistics != nullptr)
            proxy_ = std::move(*statistics);
    }
}

void application::note(lane column) {
    timeline_.enter(column, to_string(of(column).state()), clock::now());
}

database& application::of(lane column) {
    return column == lane::direct ? *direct_ : pgballast_;
}

asio::awaitable<response> application::answer(const request& asked) {
    if (const auto denied = check_origin(asked))
        co_return refusal(asked, denied->status, "forbidden", denied->why);
    auto answer = co_await choose(asked);
    co_return answer;
}

asio::awaitable<response> application::choose(const request& asked) {
    const std::string path{asked.target().substr(0, asked.target().find('?'))};
    const bool reads = asked.method() == http::verb::get || asked.method() == http::verb::head;
    const bool posts = asked.method() == http::verb::post;
    constexpr std::string_view direct_prefix = "/api/demo/direct/";
    constexpr std::string_view action_prefix = "/api/demo/compute/";
    std::optional<asio::awaitable<response>> work;
    const char* allowed = "POST";

    if (path == "/auth/signup")
        work = sign_up_with(asked, lane::pgballast);
    else if (direct_ && path == std::string{direct_prefix} + "signup")
        work = sign_up_with(asked, lane::direct);
    else if (direct_ && path == std::string{direct_prefix} + "restart")
        work = restart(asked, lane::direct);
    else if (path == "/api/demo/pgballast/restart")
        work = restart(asked, lane::pgballast);
    else if (!given_.neonsim.empty() && path.starts_with(action_prefix))
        work = act(asked, path.substr(action_prefix.size()));
    else if (path == "/health/database" || path == "/api/demo/state" ||
             find_page_file(path) != nullptr)
        allowed = "GET, HEAD";
    else
        co_return refusal(asked, http::status::not_found, "not_found", "there is no such page");

    if (work ? !posts : !reads) {
        auto refused = refusal(asked, http::status::method_not_allowed, "method_not_allowed",
                               std::string{"allowed here: "} + allowed);
        refused.set(http::field::allow, allowed);
        co_return refused;
    }
    if (!work) {
        if (path == "/health/database")
            co_return health(asked);
        if (path == "/api/demo/state")
            co_return state(asked);
        co_return page(asked);
    }
    auto chosen = std::move(*work);
    auto answer = co_await std::move(chosen);
    co_return answer;
}

asio::awaitable<response> application::sign_up_with(const request& asked, lane column) {
    if (!is_json(asked))
        co_return refusal(asked, http::status::unsupported_media_type, "not_json",
                          "the body must be application/json");
    auto& handle = of(column);
    const auto* name = name_of(column);
    const auto done = co_await sign_up(asked.body(), name, handle, hashing_);

    if (done.status == http::status::created)
        timeline_.mark(column, "succeeded", "signed up", clock::now());
    else if (done.status == http::status::service_unavailable)
        timeline_.mark(column, "failed", "failed", clock::now());
    note(column);
    auto made = of_json(asked, done.status, done.body);
    if (done.in_database.count() != 0)
        made.set("Server-Timing", milliseconds(done.in_database));
    co_return made;
}

asio::awaitable<response> application::act(const request& asked, std::string name) {
    const auto* found = std::ranges::find(actions, name, &action::name);
    if (found == std::end(actions))
        co_return refusal(asked, http::status::not_found, "not_found", "there is no such action");
    const std::string target = std::string{"/"} + found->verb;
    const auto done =
        co_await ask(given_.neonsim, http::verb::post, target, found->body, act_timeout);
    if (const auto* failed = std::get_if<no_answer>(&done))
        co_return refusal(asked, http::status::bad_gateway, "neonsim", failed->why);

    if (found->body == slow_wake || found->body == normal_wake)
        slow_wake_ = found->body == slow_wake;
    timeline_.mark(lane::compute, "done", found->told, clock::now());
    co_await look();
    co_return state(asked);
}

asio::awaitable<response> application::restart(const request& asked, lane column) {
    auto& handle = of(column);
    const auto result = co_await handle.restart();
    note(column);
    if (const auto* error = std::get_if<database_error>(&result))
        co_return refusal(asked, http::status::service_unavailable, "database", error->message);
    timeline_.mark(column, "done", "application restarted", clock::now());
    co_return state(asked);
}

/// As far as it is known without asking the database: no health check may wake it.
response application::health(const request& asked) const {
    const auto state = pgballast_.state();
    const bool down =
        state == handle_state::closed || (state == handle_state::none && pgballast_.last_error());
    json::object told{{"status", down ? "down" : "ok"}, {"connection", to_string(state)}};
    told["last_error"] = nullptr;
    if (const auto error = pgballast_.last_error())
        told["last_error"] = error->message;
    return of_json(asked, down ? http::status::service_unavailable : http::status::ok, told);
}

response application::state(const request& asked) const {
    json::object told{{"simulated", !given_.neonsim.empty()},
                      {"slowWake", slow_wake_},
                      {"compute", nullptr},
                      {"pool", nullptr},
                      {"pgballast", handle_json(pgballast_)},
                      {"direct", nullptr},
                      {"timeline", timeline_.to_json(clock::now())}};
    if (direct_)
        told["direct"] = handle_json(*direct_);
    if (compute_) {
        const auto state = compute_state(*compute_);
        told["compute"] = {{"state", json::string_view{state.data(), state.size()}},
                           {"wakes", compute_->at("wakes")}};
    }
    if (proxy_)
        told["pool"] = pool_of(*proxy_, pgballast_.name());
    return of_json(asked, http::status::ok, told);
}

response application::page(const request& asked) const {
    const std::string path{asked.target().substr(0, asked.target().find('?'))};
    const auto* file = find_page_file(path);
    return make_response(asked, http::status::ok, file->type, std::string{file->content});
}

}  // namespace signup_demo
