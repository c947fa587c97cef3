#include "plan.hpp"

#include <boost/algorithm/string/join.hpp>
#include <ostream>

namespace pgballast::sim {
namespace {

using namespace std::chrono_literals;

constexpr unsigned rows_per_client = 100'000;

client_plan make_client(std::uint64_t seed, session::mode mode, unsigned number) {
    chance dice{seed, concern::manner, number};
    client_plan one;
    one.number = number;
    one.arrives = dice.below(200);
    one.own_settings = dice.per_mille(500);
    one.vanishes = dice.per_mille(300);
    habits its{dice.below(12) + 1, number * rows_per_client, dice.per_mille(300)};
    its.prepares = mode == session::mode::session && dice.per_mille(500);
    // DISCARD ALL would take the startup settings with it: they belong to the login.
    its.discards = mode == session::mode::session && !one.own_settings;
    one.script = make_script(chance{seed, concern::script, number}, its);
    return one;
}

void print(std::ostream& out, const client_plan& who, const group& said) {
    for (const auto* behind = "  "; const auto& one : said.requests) {
        out << behind << name_of(who, one) << "  " << (one.extended ? "extended: " : "")
            << boost::algorithm::join(one.statements, "; ");
        if (!one.copied.empty())
            out << " of " << boost::algorithm::join(one.copied, ", ");
        out << '\n';
        behind = "  and at once ";
    }
}

}  // namespace

plan make_plan(std::uint64_t seed) {
    chance dice{seed, concern::settings};
    plan made;
    made.seed = seed;
    made.mode = dice.per_mille(700) ? session::mode::transaction : session::mode::session;
    made.faults = dice.per_mille(200) ? 0 : dice.below(60);
    made.backends_max = dice.below(3) + 1;
    made.wait_timeout = dice.per_mille(500) ? 60'000ms : 300ms;
    // Few mostly, so that a round that fails can be read; now and then a crowd.
    const auto clients = dice.per_mille(20) ? dice.below(40) + 20 : dice.below(4) + 1;
    for (unsigned number = 0; number < clients; ++number)
        made.clients.push_back(make_client(seed, made.mode, number));
    return made;
}

std::string name_of(const client_plan& who, const request& what) {
    return std::to_string(who.number) + "." + std::to_string(what.number);
}

std::vector<std::string> requests_of(const plan& of) {
    std::vector<std::string> names;
    for (const auto& who : of.clients)
        for (const auto& said : who.script)
            for (const auto& one : said.requests)
                names.push_back(name_of(who, one));
    return names;
}

plan limited(plan whole, parts only) {
    for (auto& who : whole.clients) {
        for (auto& said : who.script)
            std::erase_if(said.requests,
                          [&](const auto& one) { return !only.contains(name_of(who, one)); });
        std::erase_if(who.script, [](const auto& said) { return said.requests.empty(); });
    }
    std::erase_if(whole.clients, [](const auto& who) { return who.script.empty(); });
    whole.only = std::move(only);
    return whole;
}

std::ostream& operator<<(std::ostream& out, const plan& what) {
    out << (what.mode == session::mode::session ? "session" : "transaction") << " mode, at most "
        << what.backends_max << " backends, " << what.wait_timeout.count() << " ms to wait\n";
    for (const auto& who : what.clients) {
        out << "client " << who.number << (who.own_settings ? ", with settings of its own" : "")
            << (who.vanishes ? ", vanishes" : "") << '\n';
        for (const auto& said : who.script)
            print(out, who, said);
    }
    return out;
}

}  // namespace pgballast::sim
