#include "../../../src/sql/lexer.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using pgballast::sql::folded;
using pgballast::sql::lexer;
using pgballast::sql::token;

namespace {

struct read_token {
    token::kind what;
    std::string text;
    bool operator==(const read_token&) const = default;
};

std::vector<read_token> tokens_of(std::string_view text) {
    std::vector<read_token> all;
    lexer in{text};
    for (auto one = in.next(); one.what != token::kind::end; one = in.next())
        all.push_back({one.what, std::string{one.text}});
    CHECK(in.next().what == token::kind::end);
    return all;
}

using kind = token::kind;
using list = std::vector<read_token>;

}  // namespace

TEST_CASE("a text is cut into the tokens PostgreSQL reads") {
    CHECK(tokens_of("") == list{});
    CHECK(tokens_of("Select a_1$,\"B c\"") == list{{kind::word, "Select"},
                                                   {kind::word, "a_1$"},
                                                   {kind::symbol, ","},
                                                   {kind::quoted_word, "\"B c\""}});
    CHECK(tokens_of("'it''s'||$12") == list{{kind::string, "'it''s'"},
                                            {kind::symbol, "|"},
                                            {kind::symbol, "|"},
                                            {kind::parameter, "$12"}});
    CHECK(tokens_of("1.5+.5") == list{{kind::number, "1"},
                                      {kind::symbol, "."},
                                      {kind::number, "5"},
                                      {kind::symbol, "+"},
                                      {kind::symbol, "."},
                                      {kind::number, "5"}});
    CHECK(tokens_of("größe") == list{{kind::word, "größe"}});
}

TEST_CASE("comments are blanks, and block comments nest") {
    CHECK(tokens_of("a--b\nc") == list{{kind::word, "a"}, {kind::word, "c"}});
    CHECK(tokens_of("a--b\rc") == list{{kind::word, "a"}, {kind::word, "c"}});
    CHECK(tokens_of("a/*/**//*;*/'*/b") == list{{kind::word, "a"}, {kind::word, "b"}});
    CHECK(tokens_of("*/*x*/*") == list{{kind::symbol, "*"}, {kind::symbol, "*"}});
    CHECK(tokens_of("a--") == list{{kind::word, "a"}});
    CHECK(tokens_of("a/**/") == list{{kind::word, "a"}});
}

TEST_CASE("what is not plainly understood takes the whole rest as one odd token") {
    for (const std::string odd :
         {"'x", "'x\\'", "\"x", "\"x\"\"y\"", "e'x'", "E'x'", "u&'x'", "U&\"x\"", "b'1'", "$$x$$",
          "$t$x$t$", "/*", "/*/**/", "\\x", "1e5", "0x1f", "$1x", "$"}) {
        CAPTURE(odd);
        CHECK(tokens_of(odd) == list{{kind::odd, odd}});
        CHECK(tokens_of("a " + odd) == list{{kind::word, "a"}, {kind::odd, odd}});
    }
}

TEST_CASE("words are folded as ASCII") {
    CHECK(folded("SeLeCt_Ä") == "select_Ä");
    CHECK(folded("") == "");
}
