// Names of databases and messages of servers come in any encoding; JSON and Prometheus
// take UTF-8 only, and a scrape with one wrong octet is lost as a whole.
#pragma once

#include <boost/locale/utf.hpp>
#include <iterator>
#include <string>
#include <string_view>

namespace pgballast::admin {

/// The text with U+FFFD for each octet that is not part of UTF-8.
inline std::string to_utf8(std::string_view text) {
    namespace utf = boost::locale::utf;
    std::string result;
    result.reserve(text.size());
    for (auto at = text.begin(); at != text.end();) {
        auto end = at;
        const auto point = utf::utf_traits<char>::decode(end, text.end());
        const bool valid = point != utf::illegal && point != utf::incomplete;
        if (!valid)
            end = std::next(at);
        result += valid ? std::string_view{at, end} : std::string_view{"\xef\xbf\xbd"};
        at = end;
    }
    return result;
}

}  // namespace pgballast::admin
