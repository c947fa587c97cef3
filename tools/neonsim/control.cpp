#include "control.hpp"

#include "world.hpp"

namespace neonsim {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

stop_mode read_mode(parameters& how) {
    const auto mode = how.text("mode", "fast");
    if (mode != "fast" && mode != "immediate")
        throw bad_request{"mode must be fast or immediate"};
    return mode == "fast" ? stop_mode::fast : stop_mode::immediate;
}

json::object stats(const world& of) {
    const auto& counted = of.counted;
    json::object all{{"state", to_string(of.postgres.state())},
                     {"wakes", counted.wakes},
                     {"suspends", counted.suspends},
                     {"restarts", counted.restarts},
                     {"crashes", counted.crashes},
                     {"logins", counted.logins},
                     {"logins_ok", counted.logins_ok},
                     {"refusals", counted.refusals},
                     {"cancels", counted.cancels},
                     {"frozen", of.way.frozen()},
                     {"awake_ms", of.postgres.awake().count()},
                     {"awake_since", nullptr}};
    std::uint64_t connections = 0, backends = 0;
    for (const auto& each : of.sessions) {
        connections += each.has_client() ? 1 : 0;
        backends += each.has_backend() ? 1 : 0;
    }
    all["connections"] = connections;
    all["backends"] = backends;
    if (const auto since = of.postgres.awake_since())  // seconds since 1970
        all["awake_since"] = std::chrono::duration<double>{since->time_since_epoch()}.count();
    return all;
}

void plan_failure(world& on, parameters& how) {
    const auto where = parse_stage(how.text("stage", ""));
    if (!where)
        throw bad_request{"stage must be access, auth, wake or compute"};
    failure what;
    what.text = how.text("text", std::string{default_text(*where)});
    what.times = static_cast<int>(how.integer("times", 1, 1'000'000));
    what.delay = how.ms("delay_ms", 0ms);
    what.cached = how.flag("cached", false);
    how.finish();
    on.planned.plan(*where, std::move(what));
}

void change_settings(world& on, parameters& how) {
    auto changed = on.current;
    if (how.has("wake")) {
        const auto wake = parse_wake_time(how.text("wake", ""));
        if (!wake)
            throw bad_request{"wake must be milliseconds, or min-max"};
        changed.wake = *wake;
    }
    if (how.has("autosuspend")) {
        const auto autosuspend = parse_autosuspend(how.text("autosuspend", ""));
        if (!autosuspend)
            throw bad_request{"autosuspend must be seconds, or off"};
        changed.autosuspend = *autosuspend;
    }
    changed.rtt = how.ms("rtt", changed.rtt);
    changed.cancel_delay = how.ms("cancel_delay", changed.cancel_delay);
    changed.max_connections =
        static_cast<int>(how.integer("max_connections", changed.max_connections, 10'000));
    how.finish();
    on.current = changed;
}

/// Sessions may end while they are told to, but only in their own coroutines, later.
void tell_all(world& on, void (session::*what)()) {
    for (auto& each : on.sessions)
        (each.*what)();
}

/// Verbs that are done at once; false for any other.
bool carry_out_now(world& on, const std::string& verb, parameters& how) {
    if (verb == "fail") {
        plan_failure(on, how);
        return true;
    }
    if (verb == "set") {
        change_settings(on, how);
        return true;
    }
    how.finish();
    if (verb == "fin")
        tell_all(on, &session::finish);
    else if (verb == "rst")
        tell_all(on, &session::reset);
    else if (verb == "freeze")
        on.way.freeze();
    else if (verb == "thaw")
        on.way.thaw();
    else if (verb == "stats/reset") {
        on.counted = {};
        on.postgres.reset_awake();
    } else
        return verb == "stats";
    return true;
}

}  // namespace

task<json::object> carry_out(world& on, std::string verb, parameters how) {
    if (verb == "suspend") {
        const auto mode = read_mode(how);
        how.finish();
        co_await on.postgres.suspend(mode);
    } else if (verb == "restart") {
        const auto mode = read_mode(how);
        const auto gap = how.ms("gap", 0ms);
        how.finish();
        co_await on.postgres.restart(mode, gap);
    } else if (verb == "stop-silently") {
        how.finish();
        tell_all(on, &session::abandon_server);
        co_await on.postgres.suspend(stop_mode::immediate);
    } else if (verb == "wake") {
        how.finish();
        co_await on.postgres.wake();
    } else if (!carry_out_now(on, verb, how)) {
        throw bad_request{"unknown verb: " + verb};
    }
    co_return stats(on);
}

}  // namespace neonsim
