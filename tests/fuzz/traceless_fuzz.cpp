// The judgement of SQL texts, which decides whether a lost session may go on.
#include <string>

#include "../../src/sql/lexer.hpp"
#include "fuzz.hpp"
#include "pgballast/sql/traceless.hpp"

using namespace pgballast;
using fuzz::require;
using sql::token;
using sql::trace;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);

    // Tokens lie in the text, in order, and do not end before it does.
    sql::lexer tokens{text};
    const auto* at = text.data();
    bool odd = false;
    for (auto one = tokens.next(); one.what != token::kind::end; one = tokens.next()) {
        require(!odd && !one.text.empty() && one.text.data() >= at);
        at = one.text.data() + one.text.size();
        require(at <= text.data() + text.size());
        odd = one.what == token::kind::odd;
    }

    // More text never makes a text more harmless.
    const std::string whole{text};
    const auto verdict = sql::trace_of(text);
    require(!odd || verdict == trace::unknown);
    for (const auto* more : {";select 1", "\n;select 1", "\n;show all"})
        require(sql::trace_of(whole + more) >= verdict);
    require(sql::trace_of(whole + "\n;listen c") == trace::unknown);
    require(sql::trace_of("show all;" + whole) == verdict);
    require(sql::trace_of("listen c;" + whole) == trace::unknown);
    return 0;
}
