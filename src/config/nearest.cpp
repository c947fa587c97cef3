#include "pgballast/config/nearest.hpp"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <numeric>
#include <vector>

#include "pgballast/config/error.hpp"

namespace pgballast::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the usual table suffice: a swap looks back two of them.
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});

    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, substituted});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped)
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
    constexpr std::size_t name_size_max = 64;  // keeps the table small whatever was written
    if (name.size() > name_size_max)
        return {};
    const auto lower = boost::algorithm::to_lower_copy(std::string{name});

    std::string_view best;
    auto best_distance = std::max<std::size_t>(name.size() / 3, 1) + 1;
    for (const auto candidate : known) {
        const auto distance = edit_distance(lower, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
    const auto best = nearest(name, known);
    return best.empty() ? "" : " (did you mean " + quote(best) + "?)";
}

std::string expected_one_of(std::span<const std::string_view> accepted, std::string_view found) {
    std::string out = "expected one of ";
    for (const auto name : accepted)
        out.append(name).append(", ");
    out.resize(out.size() - 2);
    return out + did_you_mean(found, accepted);
}

}  // namespace pgballast::config
