// What the admin port reads, and what it answers: as admin/http_server.cpp drives it.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "fuzz.hpp"
#include "pgballast/admin/answer.hpp"

using namespace pgballast;
using fuzz::require;
namespace http = boost::beast::http;

namespace {

// A name that would be trouble if it were not quoted.
constexpr const char* database = "a\"b\\c\n{}";

admin::status look() {
    admin::status made{};
    made.version = "0";
    made.pools.push_back({.database = database});
    return made;
}

void check(const admin::request& asked, const admin::response& said) {
    require(said.result() == http::status::ok || said.result_int() >= 400);
    require(said.body().size() < 64 * 1024);
    // Whoever may be a page of another site, led here by its name, gets nothing.
    const std::string_view host = asked[http::field::host];
    if (host.find("evil") != std::string_view::npos)
        require(said.result() == http::status::misdirected_request ||
                said.result() == http::status::bad_request);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);
    http::request_parser<http::empty_body> read;
    read.header_limit(8 * 1024);
    boost::system::error_code error;
    read.put(boost::asio::buffer(text.data(), text.size()), error);
    if (error || !read.is_header_done())
        return 0;
    check(read.get(), admin::answer(read.get(), "127.0.0.1", look));
    return 0;
}
