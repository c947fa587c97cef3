// What a control call is told: words of the query and members of a JSON body, alike.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace neonsim {

/// A control call that makes no sense; its text goes to the caller.
class bad_request : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// Numbers may be given as text, since in a query everything is. Each value must be
/// asked for: `finish` refuses what was not, so that a misspelt name is not passed over.
class parameters {
 public:
    /// `query` is "a=1&b=two" (words and numbers: no escapes), `body` a JSON object or empty.
    parameters(std::string_view query, std::string_view body);

    bool has(std::string_view name) const { return values_.contains(name); }
    std::string text(std::string_view name, std::string otherwise);
    std::int64_t integer(std::string_view name, std::int64_t otherwise, std::int64_t max);
    std::chrono::milliseconds ms(std::string_view name, std::chrono::milliseconds otherwise);
    bool flag(std::string_view name, bool otherwise);

    void finish() const;

 private:
    boost::json::object values_;
};

}  // namespace neonsim
