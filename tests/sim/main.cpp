// sim --seed N --rounds N [--verbose] [--sabotage NAME]
//
// Plays rounds from their seeds. A round that shows what must not be prints its seed,
// with which it can be played again. With a sabotage it is the other way round: one of
// the rounds has to fail.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <span>
#include <string_view>

#include "world.hpp"

namespace {

using namespace pgballast::sim;

struct arguments {
    std::uint64_t seed = 1;
    std::uint64_t rounds = 1000;
    bool verbose = false;
    sabotage wrong = sabotage::none;
};

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

bool read(std::span<char*> words, arguments& into) {
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string_view name = words[at];
        if (name == "--verbose") {
            into.verbose = true;
            continue;
        }
        if (++at == words.size())
            return false;
        const std::string_view value = words[at];
        if (name == "--seed")
            into.seed = number(value);
        else if (name == "--rounds")
            into.rounds = number(value);
        else if (const auto found = std::ranges::find(sabotage_names, value);
                 name == "--sabotage" && found != sabotage_names.end())
            into.wrong = static_cast<sabotage>(found - sabotage_names.begin());
        else
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

}  // namespace

int main(int count, char** words) {
    arguments given;
    if (!read({words + 1, words + count}, given)) {
        std::cerr << "usage: sim [--seed N] [--rounds N] [--verbose] [--sabotage NAME]\n";
        return 64;
    }
    tally sum;
    const bool sabotaged = given.wrong != sabotage::none;
    for (auto seed = given.seed; seed < given.seed + given.rounds; ++seed) {
        try {
            add(sum, world{seed, given.wrong, given.verbose}.run());
        } catch (const std::exception& error) {
            std::cout << (sabotaged ? "caught: " : "broken: ") << error.what()
                      << "\nplay it again: sim --rounds 1 --verbose --seed " << seed
                      << " --sabotage " << sabotage_names.at(static_cast<std::size_t>(given.wrong))
                      << '\n';
            return sabotaged ? 0 : 1;
        }
    }
    std::cout << given.rounds << " rounds, " << sum.events << " events, " << sum.lendings
              << " lendings, " << sum.losses << " losses (" << sum.hidden << " hidden), "
              << sum.acknowledged << " rows acknowledged, " << sum.unknown << " unknown; errors:";
    for (const auto& [sqlstate, times] : sum.errors)
        std::cout << ' ' << sqlstate << '=' << times;
    std::cout << '\n';
    return sabotaged ? 1 : 0;
}
