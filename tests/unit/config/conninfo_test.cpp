// libpq is the reference: if both differ, we are wrong.
#include "pgballast/config/conninfo.hpp"

#include <libpq-fe.h>

#include <catch2/catch.hpp>
#include <memory>
#include <optional>

#include "pgballast/config/keywords.hpp"

using namespace pgballast::config;
using namespace std::literals;

namespace {

struct free_conninfo {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::optional<conninfo> parsed_by_libpq(const std::string& text) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, free_conninfo> options{
        PQconninfoParse(text.c_str(), &message)};
    PQfreemem(message);
    if (!options)
        return {};
    conninfo out;
    for (const auto* option = options.get(); option->keyword; ++option)
        if (option->val)
            out.emplace(option->keyword, option->val);
    return out;
}

std::optional<conninfo> parsed_by_us(const std::string& text) {
    auto parsed = parse_conninfo(text);
    if (!parsed)
        return {};
    return *parsed;
}

const auto texts = std::to_array<std::string>({
    // URLs
    "postgresql://",
    "postgres://",
    "postgresql:///",
    "postgresql:///?",
    "postgresql://host",
    "postgresql://host/",
    "postgresql://host:5433",
    "postgresql://host:/db",
    "postgresql://:5433/db",
    "postgresql://host:port/db",
    "postgresql://user@",
    "postgresql://user@host",
    "postgresql://user@/db",
    "postgresql://@host/db",
    "postgresql://:pw@host/db",
    "postgresql://user:@host/db",
    "postgresql://user:pw@host/db",
    "postgresql://user:p%40ss%2Fw%3Ard@host:6432/my%20db?sslmode=require",
    "postgresql://user:p:w@host/db",
    "postgresql://user:pw?x@host/db",
    "postgresql://user:pw@w@host/db",
    "postgresql://user:p/w@host/db",
    "postgresql://us%65r:pw@ho%73t:54%333/d%62",
    "postgresql://host1,host2/db",
    "postgresql://host1:1,host2:2,host3/db?target_session_attrs=any",
    "postgresql://host1,host2:5433/db",
    "postgresql://,/db",
    "postgresql://a%2Cb/db",
    "postgresql://[::1]",
    "postgresql://[::1]:5433/db",
    "postgresql://[::1],[fe80::1%25eth0]:2/db",
    "postgresql://[::1/db",
    "postgresql://[]/db",
    "postgresql://[::1]x/db",
    "postgresql://[::1]?dbname=x",
    "postgresql://%2Fvar%2Frun%2Fpostgresql/db",
    "postgresql://%2Fvar%2Frun%2Fpostgresql:5433/db",
    "postgresql:///db?host=/var/run/postgresql&port=5433",
    "postgresql://host/db?user=other&password=secret",
    "postgresql://host/db?host=a,b&port=1,2",
    "postgresql://host/db?hostaddr=127.0.0.1",
    "postgresql://host/db/more?user=u",
    "postgresql://host?user=u",
    "postgresql://host/db?",
    "postgresql://host/db?&",
    "postgresql://host/db?user=u&",
    "postgresql://host/db?user=u&&dbname=x",
    "postgresql://host/db?user",
    "postgresql://host/db?user=",
    "postgresql://host/db?=u",
    "postgresql://host/db?user=a=b",
    "postgresql://host/db?us%65r=%75",
    "postgresql://host/db?user=a?b/c:d@e",
    "postgresql://host/db?unknown=1",
    "postgresql://host/db?sslmode=bogus",
    "postgresql://host/db?ssl=true",
    "postgresql://host/db?ssl=false",
    "postgresql://host/db?requiressl=1",
    "postgresql://host/db?requiressl=0",
    "postgresql://host/db?options=-c%20search_path%3Da,b",
    "postgresql://u:p@ep-x.eu-central-1.aws.neon.tech/db?options=endpoint%3Dep-x",
    "postgresql://u:p@ep-x-pooler.aws.neon.tech/db?sslmode=require&channel_binding=require",
    "postgresql://host/db?application_name=a+b",
    "postgresql://host/db%",
    "postgresql://host/db%4",
    "postgresql://host/db%4g",
    "postgresql://host/db%00",
    "postgresql://us%er@host",
    "postgresql://host/d b?user= u ",
    "postgresql://host#fragment/db",
    "POSTGRESQL://host/db",
    "postgresql:/host",
    "mysql://host/db",
    // keywords and values
    "",
    "   ",
    "host=localhost",
    "host=localhost port=5433 dbname=db user=u password=secret",
    "host = localhost  port\t=\n5433",
    "host=",
    "host= port=5433",
    "host=''",
    "host='' port=5433",
    "password='a b'",
    "password='a\\'b'",
    "password='a\\\\b'",
    "password=a\\ b",
    "password=a\\",
    "password='a\\",
    "password='a",
    "password='a'b user=u",
    "password='a'user=u",
    "password=a'b",
    "password=a=b",
    "password=%41",
    "user=u user=v",
    "host",
    "host localhost",
    "host localhost=x",
    "=x",
    "host==x",
    "HOST=x",
    "nosuch=1",
    "requiressl=1",
    "ssl=true",
    "sslmode=verify-full sslrootcert=/etc/ssl/root.crt sslcert=c sslkey=k",
    "options='-c geqo=off --work-mem=4MB' connect_timeout=10",
    "dbname=postgresql://host/db",
    "host=/var/run/postgresql user='o\\'neil'",
});

}  // namespace

TEST_CASE("connection strings are read as libpq reads them") {
    for (const auto& text : texts) {
        CAPTURE(text);
        CHECK(parsed_by_us(text) == parsed_by_libpq(text));
    }
}

TEST_CASE("every beginning of a connection string is read as libpq reads it") {
    for (const auto& text : texts)
        for (std::size_t size = 0; size < text.size(); ++size) {
            const auto beginning = text.substr(0, size);
            if (parsed_by_us(beginning) != parsed_by_libpq(beginning))
                FAIL_CHECK("differs: " << beginning);
        }
}

TEST_CASE("a connection string with any one character replaced is read as libpq reads it") {
    constexpr auto replacements = "%@/:?&=[],' \\\t+x5"sv;
    for (const auto& text : texts)
        for (std::size_t at = 0; at < text.size(); ++at)
            for (const char replacement : replacements) {
                auto changed = text;
                changed[at] = replacement;
                if (parsed_by_us(changed) != parsed_by_libpq(changed))
                    FAIL_CHECK("differs: " << changed);
            }
}

TEST_CASE("every keyword of the libpq at hand is known") {
    const std::unique_ptr<PQconninfoOption, free_conninfo> options{PQconndefaults()};
    REQUIRE(options);
    for (const auto* option = options.get(); option->keyword; ++option) {
        CAPTURE(option->keyword);
        CHECK(find_keyword(option->keyword) != nullptr);
    }
}

TEST_CASE("keywords of libpq 16 to 18 are known too") {
    for (const auto* text : {"sslnegotiation=direct", "require_auth=scram-sha-256",
                             "load_balance_hosts=disable", "min_protocol_version=3.0"})
        CHECK(parse_conninfo(text).has_value());
}

TEST_CASE("an error says where it is and what is accepted there") {
    const auto message = [](std::string_view text) { return parse_conninfo(text).error().message; };

    CHECK(
        message("postgresql://host/db%4") ==
        "at position 21: expected two hexadecimal digits after '%' (a '%' itself is written %25)");
    CHECK(message("postgresql://[::1/db") ==
          "at position 15: expected a ']' to end the IPv6 address");
    CHECK(message("postgresql://host/db?sslmod=require") ==
          "at position 22: unknown keyword 'sslmod' (did you mean 'sslmode'?)");
    CHECK(message("host=a sslmod=require") ==
          "at position 8: unknown keyword 'sslmod' (did you mean 'sslmode'?)");
    CHECK(message("host=a qqqqqqqq=1") == "at position 8: unknown keyword 'qqqqqqqq'");
    CHECK(message("host=a user") ==
          "at position 12: expected '=' after a keyword (a value with blanks is written in "
          "'single quotes')");
    CHECK(message("host=a\0b"sv) == "at position 7: a zero byte");
}

TEST_CASE("no error quotes any part of a password") {
    for (const auto* text : {
             "password=hush hush",
             "password=hush hush=1",
             "password='hush",
             "password=a hush%=1 user=u",
             "postgresql://u:hush%@host/db",
             "postgresql://u:hush%zz@host/db",
             "postgresql://u:a/hush?hush=1@host/db",
             "postgresql://u:a/hush?hush@host/db",
             "postgresql://u:pw@[hush@host/db",
             "postgresql://u:pw@host/db?password=hush=hush",
             "postgresql://u:pw@host/db?password=hush&Hush1=x",
         }) {
        CAPTURE(text);
        const auto parsed = parse_conninfo(text);
        REQUIRE(parsed.has_error());
        CHECK(parsed.error().message.find("ush") == std::string::npos);
    }
}
