// `postgresql://user:password@host1:port1,host2:port2/dbname?keyword=value&…`
#include <algorithm>

#include "conninfo_parsers.hpp"

namespace pgballast::config::detail {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class url_parser {
 public:
    explicit url_parser(std::string_view text) : in_(text), at_(text.find("//") + 2) {}

    boost::system::result<conninfo, parse_error> parse() {
        if (credentials() && hosts() && dbname() && parameters())
            return std::move(out_);
        return std::move(*error_);
    }

 private:
    bool credentials() {
        const auto end = in_.find_first_of("@/", at_);
        if (end == in_.npos || in_[end] != '@') {
            // A '/' in a password that is not encoded ends the credentials too early.
            password_spilt_ = in_.find('@', at_) != in_.npos;
            return true;
        }
        const auto user_end = std::min(in_.find(':', at_), end);
        if (!keep("user", at_, user_end))
            return false;
        at_ = end + 1;
        return user_end == end || keep("password", user_end + 1, end);
    }

    bool hosts() {
        std::string hosts, ports;
        for (;; hosts += ',', ports += ',') {
            if (peek() == '[' ? !bracketed_host(hosts) : !decode(until(":/?,"), hosts))
                return false;
            if (accept(':') && !decode(until("/?,"), ports))
                return false;
            if (!accept(','))
                break;
        }
        // Empty stays unset, so that libpq's defaults apply.
        return keep_decoded("host", std::move(hosts)) && keep_decoded("port", std::move(ports));
    }

    bool bracketed_host(std::string& hosts) {
        const auto start = ++at_;
        const auto host = until("]");
        if (peek() != ']')
            return fail(start, "expected a ']' to end the IPv6 address");
        if (host.begin == host.end)
            return fail(start, "an empty IPv6 address");
        ++at_;
        if (at_ < in_.size() && std::string_view{":/?,"}.find(in_[at_]) == in_.npos)
            return fail(at_, "expected ':', ',', '/' or '?' after the IPv6 address");
        return decode(host, hosts);
    }

    bool dbname() {
        if (!accept('/'))
            return true;
        const auto name = until("?");
        return keep("dbname", name.begin, name.end);
    }

    bool parameters() {
        if (!accept('?'))
            return true;
        while (at_ < in_.size()) {
            const auto whole = until("&");
            accept('&');
            if (!parameter(whole.begin, whole.end))
                return false;
        }
        return true;
    }

    bool parameter(std::size_t begin, std::size_t end) {
        const auto equals = in_.substr(0, end).find('=', begin);
        if (equals == in_.npos)
            return fail(begin, "expected keyword=value");
        if (const auto second = in_.substr(0, end).find('=', equals + 1); second != in_.npos)
            return fail(second, "a second '=' in one parameter (inside a value it is written %3D)");

        std::string name, value;
        if (!decode({begin, equals}, name) || !decode({equals + 1, end}, value))
            return false;
        if (name == "ssl" && value == "true") {  // JDBC's
            name = "sslmode";
            value = "require";
        }
        if (const auto error = store(out_, name, std::move(value), password_spilt_))
            return fail(begin, error->message);
        return true;
    }

    struct range {
        std::size_t begin;
        std::size_t end;
    };

    char peek() const { return at_ < in_.size() ? in_[at_] : '\0'; }

    bool accept(char c) {
        if (peek() != c)
            return false;
        ++at_;
        return true;
    }

    range until(std::string_view stops) {
        const auto begin = at_;
        at_ = std::min(in_.find_first_of(stops, at_), in_.size());
        return {begin, at_};
    }

    /// Appends a range, percent-decoded.
    bool decode(range r, std::string& out) {
        for (auto i = r.begin; i < r.end; ++i) {
            if (in_[i] != '%') {
                out += in_[i];
                continue;
            }
            const int high = i + 2 < r.end ? hex_digit(in_[i + 1]) : -1;
            const int low = i + 2 < r.end ? hex_digit(in_[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(i,
                            "expected two hexadecimal digits after '%' (a '%' itself is "
                            "written %25)");
            if (high == 0 && low == 0)
                return fail(i, "a zero byte (%00) is not allowed");
            out += static_cast<char>(high << 4 | low);
            i += 2;
        }
        return true;
    }

    bool keep(std::string_view name, std::size_t begin, std::size_t end) {
        std::string value;
        return decode({begin, end}, value) && keep_decoded(name, std::move(value));
    }

    bool keep_decoded(std::string_view name, std::string value) {
        if (!value.empty())
            store(out_, name, std::move(value));
        return true;
    }

    bool fail(std::size_t offset, std::string_view what) {
        error_ = error_at(offset, what);
        return false;
    }

    std::string_view in_;
    std::size_t at_;
    bool password_spilt_ = false;
    conninfo out_;
    std::optional<parse_error> error_;
};

}  // namespace

boost::system::result<conninfo, parse_error> parse_connection_url(std::string_view text) {
    return url_parser{text}.parse();
}

}  // namespace pgballast::config::detail
