// sim [--seed N] [--rounds N | --seconds N] [--sabotage NAME [--at-most N]]
//     [--only PARTS] [--timing N] [--verbose]
//
// Plays rounds from their seeds. One that shows what must not be is shrunk and printed,
// with the arguments that play it again: `--only` names the requests and faults that were
// left in it, `--timing` its delays. With a sabotage it is the other way round: one of the
// rounds has to fail, and what is left of it may have so many requests at most.
#include <algorithm>
#include <boost/algorithm/string/split.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <limits>
#include <span>
#include <string_view>

#include "shrink.hpp"

namespace {

using namespace pgballast::sim;
using clock = std::chrono::steady_clock;

struct arguments {
    std::uint64_t seed = 1;
    std::uint64_t rounds = 1000;
    std::uint64_t seconds = 0;
    std::uint64_t timing = 0;
    std::uint64_t at_most = std::numeric_limits<std::uint64_t>::max();
    std::optional<parts> only;
    bool verbose = false;
    sabotage wrong = sabotage::none;
};

bool read_number(std::string_view text, std::uint64_t& into) {
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, into);
    return read.ec == std::errc{} && read.ptr == end;
}

bool read_sabotage(std::string_view name, sabotage& into) {
    const auto* found = std::ranges::find(sabotage_names, name);
    if (found == sabotage_names.end())
        return false;
    into = static_cast<sabotage>(found - sabotage_names.begin());
    return true;
}

bool read_option(std::string_view name, std::string_view value, arguments& into) {
    if (name == "--only") {
        boost::algorithm::split(into.only.emplace(), value, [](char c) { return c == ','; });
        return true;
    }
    if (name == "--sabotage")
        return read_sabotage(value, into.wrong);
    const std::pair<std::string_view, std::uint64_t*> numbers[] = {
        {"--seed", &into.seed},     {"--rounds", &into.rounds},   {"--seconds", &into.seconds},
        {"--timing", &into.timing}, {"--at-most", &into.at_most},
    };
    for (const auto& [option, number] : numbers)
        if (name == option)
            return read_number(value, *number);
    return false;
}

bool read(std::span<char*> words, arguments& into) {
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string_view name = words[at];
        if (name == "--verbose")
            into.verbose = true;
        else if (++at == words.size() || !read_option(name, words[at], into))
            return false;
    }
    return true;
}

void add(tally& sum, const tally& one) {
    sum.events += one.events;
    sum.acknowledged += one.acknowledged;
    sum.unknown += one.unknown;
    sum.losses += one.losses;
    sum.hidden += one.hidden;
    sum.lendings += one.lendings;
    for (const auto& [sqlstate, times] : one.errors)
        sum.errors[sqlstate] += times;
}

void print(const tally& sum, std::uint64_t rounds, std::chrono::duration<double> took) {
    std::cout << rounds << " rounds, " << sum.events << " events, " << sum.lendings << " lendings, "
              << sum.losses << " losses (" << sum.hidden << " hidden, "
              << std::llround(sum.losses / took.count()) << " a second), " << sum.acknowledged
              << " rows acknowledged, " << sum.unknown << " unknown; errors:";
    for (const auto& [sqlstate, times] : sum.errors)
        std::cout << ' ' << sqlstate << '=' << times;
    std::cout << '\n';
}

/// Returns the number of requests that are left.
std::size_t print_shrunk(const plan& round, const outcome& seen, const arguments& given) {
    const auto least = shrink(round, seen, given.wrong);
    const auto requests = requests_of(least.round).size();
    std::cout << seen.broken << "\nshrunk to " << requests << " requests and "
              << least.seen.faults.size() << " faults: " << least.seen.broken << "\n\n"
              << least.round;
    for (const auto& one : least.seen.faults)
        std::cout << "fault " << one.name() << "  " << one.place << ", time " << one.time << '\n';
    std::cout << "\nplay it again: sim --rounds 1 --verbose --seed " << round.seed << " --timing "
              << least.round.timing << " --sabotage "
              << sabotage_names.at(static_cast<std::size_t>(given.wrong)) << " --only "
              << names_of_parts(least) << '\n';
    return requests;
}

}  // namespace

int main(int count, char** words) {
    arguments given;
    if (!read({words + 1, words + count}, given)) {
        std::cerr << "usage: sim [--seed N] [--rounds N | --seconds N] [--sabotage NAME"
                     " [--at-most N]] [--only PARTS] [--timing N] [--verbose]\n";
        return 64;
    }
    const bool sabotaged = given.wrong != sabotage::none;
    const auto began = clock::now();
    const auto over = [&](std::uint64_t rounds) {
        return given.seconds != 0 ? clock::now() - began >= std::chrono::seconds{given.seconds}
                                  : rounds >= given.rounds;
    };
    tally sum;
    std::uint64_t rounds = 0;
    for (; !over(rounds); ++rounds) {
        auto round = make_plan(given.seed + rounds);
        round.timing = given.timing;
        if (given.only)
            round = limited(std::move(round), *given.only);
        const auto seen = play(round, given.wrong, given.verbose);
        add(sum, seen.sum);
        if (seen.broken.empty())
            continue;
        std::cout << (sabotaged ? "caught: " : "broken: ");
        return print_shrunk(round, seen, given) <= given.at_most && sabotaged ? 0 : 1;
    }
    print(sum, rounds, clock::now() - began);
    return sabotaged ? 1 : 0;
}
