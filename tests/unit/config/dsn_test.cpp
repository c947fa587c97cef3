#include "pgballast/config/dsn.hpp"

#include <catch2/catch.hpp>

using namespace pgballast::config;
using namespace std::literals;

namespace {

dsn parsed(std::string_view text) {
    return parse_dsn(text).value();
}

std::string error_of(std::string_view text) {
    const auto result = parse_dsn(text);
    return result ? "no error" : result.error().message;
}

using places = std::vector<endpoint>;

}  // namespace

TEST_CASE("a URL of Neon's console is read whole") {
    const auto out = parsed(
        "postgresql://app:p%40ss@ep-x.eu-central-1.aws.neon.tech/neondb"
        "?sslmode=require&channel_binding=require");
    CHECK(out.hosts == places{{"ep-x.eu-central-1.aws.neon.tech", 5432}});
    CHECK(out.user == "app");
    CHECK(out.password == "p@ss");
    CHECK(out.dbname == "neondb");
    CHECK(out.sslmode == sslmode::require);
    CHECK(out.channel_binding == channel_binding::require);
}

TEST_CASE("what is not given has libpq's defaults") {
    const auto out = parsed("");
    CHECK(out.hosts == places{{"/var/run/postgresql", 5432}});
    CHECK(out.hosts[0].is_unix());
    CHECK(out.user.empty());
    CHECK(out.dbname.empty());
    CHECK(out.sslmode == sslmode::prefer);
    CHECK(out.sslnegotiation == sslnegotiation::postgres);
    CHECK(out.channel_binding == channel_binding::prefer);
    CHECK_FALSE(out.connect_timeout);
}

TEST_CASE("hosts are paired with one port for all or one for each") {
    CHECK(parsed("host=a,b port=1").hosts == places{{"a", 1}, {"b", 1}});
    CHECK(parsed("host=a,b port=1,2").hosts == places{{"a", 1}, {"b", 2}});
    CHECK(parsed("host=a,b port=1,").hosts == places{{"a", 1}, {"b", 5432}});
    CHECK(parsed("host=a, port=,2").hosts == places{{"a", 5432}, {"/var/run/postgresql", 2}});
    CHECK(parsed("postgresql://[::1]:1,b/").hosts == places{{"::1", 1}, {"b", 5432}});
    CHECK(parsed("postgresql://%2Ftmp:1/").hosts == places{{"/tmp", 1}});
    CHECK(parsed("host=a port=' 7 '").hosts == places{{"a", 7}});

    CHECK(error_of("host=a,b port=1,2,3") == "port: found 3 for 2 hosts");
    CHECK(error_of("host=a port=1,2") == "port: found 2 for 1 host");
}

TEST_CASE("an address stands in for the host's name, which is still verified") {
    CHECK(parsed("host=a hostaddr=127.0.0.1").hosts == places{{"a", 5432, "127.0.0.1"}});
    CHECK(parsed("hostaddr=::1").hosts == places{{"::1", 5432, "::1"}});
    CHECK(parsed("host=a,b hostaddr=,10.0.0.1").hosts ==
          places{{"a", 5432}, {"b", 5432, "10.0.0.1"}});
    CHECK(parsed("host=/tmp hostaddr=10.0.0.1").hosts == places{{"10.0.0.1", 5432, "10.0.0.1"}});
    CHECK(parsed("hostaddr=fe80::1%eth0").hosts[0].hostaddr == "fe80::1%eth0");

    CHECK(error_of("host=a,b hostaddr=127.0.0.1") == "hostaddr: found 1 for 2 hosts");
    CHECK(error_of("hostaddr=localhost") == "hostaddr: expected IP addresses (names go into host)");
}

TEST_CASE("a port is a number from 1 to 65535") {
    for (const auto* port : {"0", "65536", "-1", "x", "1x", "99999999999", " ", "+-1", "0x10"}) {
        CAPTURE(port);
        CHECK(error_of("host=a port='"s + port + "'").starts_with("port: expected numbers"));
    }
    CHECK(parsed("port=65535").hosts[0].port == 65535);
    CHECK(parsed("port=+1").hosts[0].port == 1);
}

TEST_CASE("words are checked, and the nearest is named") {
    CHECK(error_of("sslmode=verify_full") ==
          "sslmode: found 'verify_full', expected one of disable, allow, prefer, require, "
          "verify-ca, verify-full (did you mean 'verify-full'?)");
    CHECK(error_of("channel_binding=must") ==
          "channel_binding: found 'must', expected one of disable, prefer, require");
    CHECK(error_of("sslnegotiation=tls").starts_with("sslnegotiation: found 'tls'"));
    CHECK(error_of("target_session_attrs=readwrite") ==
          "target_session_attrs: found 'readwrite', expected one of any, read-write, read-only, "
          "primary, standby, prefer-standby (did you mean 'read-write'?)");
    CHECK(error_of("sslmode=").starts_with("sslmode: found ''"));
    CHECK(parsed("target_session_attrs=read-write").target_session_attrs == "read-write");
}

TEST_CASE("certificates and keys are kept as paths") {
    const auto out = parsed("sslmode=verify-ca sslrootcert=/r sslcert=/c sslkey=/k");
    CHECK(out.sslmode == sslmode::verify_ca);
    CHECK(out.sslrootcert == "/r");
    CHECK(out.sslcert == "/c");
    CHECK(out.sslkey == "/k");
}

TEST_CASE("the system's roots are used with verify-full only") {
    CHECK(parsed("sslrootcert=system").sslmode == sslmode::verify_full);
    CHECK(parsed("sslrootcert=system sslmode=verify-full").sslmode == sslmode::verify_full);
    CHECK(error_of("sslrootcert=system sslmode=require") ==
          "sslmode: found 'require', expected verify-full, which sslrootcert=system demands");
}

TEST_CASE("direct TLS is used only where TLS is required") {
    CHECK(parsed("sslnegotiation=direct sslmode=require").sslnegotiation == sslnegotiation::direct);
    CHECK(error_of("sslnegotiation=direct") ==
          "sslmode: found 'prefer', expected require, verify-ca or verify-full, one of which "
          "sslnegotiation=direct demands");
}

TEST_CASE("connect_timeout is in seconds, at least two") {
    CHECK(parsed("connect_timeout=10").connect_timeout == 10s);
    CHECK(parsed("connect_timeout=1").connect_timeout == 2s);
    CHECK_FALSE(parsed("connect_timeout=0").connect_timeout);
    CHECK_FALSE(parsed("connect_timeout=-5").connect_timeout);
    CHECK(error_of("connect_timeout=5s") == "connect_timeout: found '5s', expected whole seconds");
    CHECK(error_of("connect_timeout=").starts_with("connect_timeout: found ''"));
}

TEST_CASE("a fallback application name counts only where no other is given") {
    CHECK(parsed("fallback_application_name=f").application_name == "f");
    CHECK(parsed("fallback_application_name=f application_name=a").application_name == "a");
}

TEST_CASE("keywords without consequence are accepted") {
    CHECK(parse_dsn("host=a keepalives=0 tcp_user_timeout=1 client_encoding=utf8 sslcompression=0 "
                    "gssencmode=disable krbsrvname=x load_balance_hosts=disable sslsni=1 "
                    "replication=false ssl_min_protocol_version=TLSv1.2 passfile=''")
              .has_value());
}

TEST_CASE("keywords that would promise what is not done are refused with the reason") {
    CHECK(error_of("gssencmode=require") ==
          "gssencmode is not supported: GSSAPI encryption is not supported");
    CHECK(error_of("replication=database") ==
          "replication is not supported: replication is not carried");
    CHECK(error_of("ssl_min_protocol_version=TLSv1.3") ==
          "ssl_min_protocol_version is not supported: TLS 1.2 is the least");
    CHECK(error_of("service=x").starts_with("service is not supported"));
    CHECK(error_of("sslcrl=x").starts_with("sslcrl is not supported"));
    CHECK(error_of("load_balance_hosts=random").starts_with("load_balance_hosts is not"));
    CHECK(error_of("ssl_min_protocol_version='TLSv1 TLSv1.1'").starts_with("ssl_min_protocol"));
}

TEST_CASE("a host that cannot be is refused") {
    CHECK(error_of("host=@abstract") == "host: abstract Unix sockets ('@…') are not supported");
    CHECK(error_of("postgresql://u:p@w@host/db") ==
          "host: found an '@' (in a user name or password it is written %40)");
    std::string many = "host=a";
    for (int i = 0; i < 64; ++i)
        many += ",a";
    CHECK(error_of(many) == "host: at most 64 are accepted");
}

TEST_CASE("no error of meaning quotes a password") {
    for (const auto* text : {
             "postgresql://u:hush/w@host/db",
             "postgresql://u:hu@hush:99999/db",
             "postgresql://u:a@hush@host/db",
             "postgresql://u:hush@host:0/db",
             "host=a password=hush port=x",
             "host=a password=hush service=x",
             "host=a sslpassword=hush",
         }) {
        CAPTURE(text);
        const auto result = parse_dsn(text);
        REQUIRE(result.has_error());
        CHECK(result.error().message.find("ush") == std::string::npos);
    }
}

TEST_CASE("options are kept as they are") {
    CHECK(parsed("postgresql://h/d?options=endpoint%3Dep-x%20-c%20a%3Db").options ==
          "endpoint=ep-x -c a=b");
}
