// Prints the question to the catalog that would prove a SELECT to only read, given its text and
// the OIDs of its parameters' types; nothing if it is refused without. Without a text, the
// question whether all that a statement does is undone by its rollback.
#include <charconv>
#include <iostream>
#include <string_view>
#include <vector>

#include "pgballast/session/proof.hpp"

using namespace pgballast;

int main(int count, char** words) {
    if (count < 2) {
        std::cout << session::rolls_back_whole_query() << '\n';
        return 0;
    }
    std::vector<std::uint32_t> types;
    for (const std::string_view digits : std::vector(words + 2, words + count))
        std::from_chars(digits.data(), digits.data() + digits.size(), types.emplace_back());
    if (const auto select = sql::mentions_of_select(words[1]))
        std::cout << session::reads_only_query(*select, types).value_or("") << '\n';
}
