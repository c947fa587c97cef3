#include "pgballast/config/document.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::config;

namespace {

std::string error_of(std::string_view text) {
    const auto result = parse_document(text);
    return result ? "no error" : to_string(result.error());
}

}  // namespace

TEST_CASE("a document is a tree with line numbers") {
    const auto root = parse_document("a: 1\nb:\n  - x\n  - {c: ''}\nd:\n").value();
    REQUIRE(root.type == node::kind::map);
    REQUIRE(root.entries.size() == 3);
    CHECK(root.entries[0].key == "a");
    CHECK(root.entries[0].value.text == "1");

    const auto& list = root.entries[1].value;
    REQUIRE(list.type == node::kind::sequence);
    REQUIRE(list.entries.size() == 2);
    CHECK(list.entries[0].value.text == "x");
    CHECK(list.entries[1].line == 4);
    CHECK(list.entries[1].value.entries.at(0).value.type == node::kind::scalar);

    CHECK(root.entries[2].line == 5);
    CHECK(root.entries[2].value.type == node::kind::null);
}

TEST_CASE("an empty text is a null") {
    for (const auto* text : {"", "\n\n", "# only a comment\n", "---\n", "~", "null"}) {
        CAPTURE(text);
        CHECK(parse_document(text).value().type == node::kind::null);
    }
}

TEST_CASE("repeated keys are kept for the reader to judge") {
    CHECK(parse_document("a: 1\na: 2\n").value().entries.size() == 2);
}

TEST_CASE("anchors and aliases are refused, so nothing can be multiplied") {
    CHECK(error_of("a: &x 1\nb: *x\n").starts_with("line 1: anchors and aliases"));
    CHECK(error_of("a:\n  - &x [1]\n").starts_with("line 2: anchors and aliases"));
    CHECK(error_of("a: &x\n  b: 1\n").find("anchors") != std::string::npos);
    CHECK(error_of("a: *x\n") != "no error");
    CHECK(error_of("*: 1\n") != "no error");
}

TEST_CASE("what is too large, too deep, double or no text is refused") {
    CHECK(error_of(std::string(document_size_max + 1, ' ')) == "larger than 1 MiB");
    CHECK(parse_document("#" + std::string(document_size_max - 1, ' ')).has_value());
    CHECK(error_of(std::string_view{"a\0b", 3}) == "holds a zero byte: not a text file");
    CHECK(error_of("a: 1\n---\nb: 1\n") == "line 3: a second document; expected only one");

    CHECK(parse_document(std::string(16, '[') + std::string(16, ']')).has_value());
    CHECK(error_of(std::string(17, '[') + std::string(17, ']')) == "line 1: nested too deeply");
    CHECK(error_of(std::string(100'000, '[')) != "no error");
    CHECK(error_of(std::string(100'000, '{')) != "no error");
    CHECK(error_of("? [a]\n: 1\n") == "line 1: expected a plain word as the key");
}

TEST_CASE("a variable that ends a flow too early is explained") {
    const auto error = error_of("a: 1\nusers: [{ name: x, password: ${PW} }]\n");
    CHECK(error.starts_with("line 2: "));
    CHECK(error.find("\"${NAME}\" needs quotes") != std::string::npos);
    CHECK(error_of("a: [\n").find("needs quotes") == std::string::npos);
}

TEST_CASE("every beginning of a document is a tree or an error") {
    const std::string_view whole =
        "listen: [127.0.0.1:6432, \"[::1]:0\"]\ndatabases:\n  'a':\n    pool: {min: 1, max: 2}\n"
        "users:\n  - name: |\n      text\n    scram: \"a\\n\"\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const auto result = parse_document(whole.substr(0, size));
        if (!result)
            CHECK_FALSE(result.error().message.empty());
    }
}
