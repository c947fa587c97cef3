#include "pgballast/admin/admin_port.hpp"

#include <boost/system/system_error.hpp>
#include <sstream>
#include <stdexcept>
#include <string>

#include "pgballast/admin/answer.hpp"
#include "pgballast/admin/http_server.hpp"
#include "pgballast/admin/loopback.hpp"
#include "pgballast/proxy/log.hpp"

namespace pgballast::admin {
namespace {

using boost::asio::ip::tcp;

std::string to_text(const tcp::endpoint& where) {
    std::ostringstream text;
    text << where;
    return text.str();
}

}  // namespace

void serve(proxy::proxy& served, std::string_view version) {
    const auto& listen = served.settings().admin.value();
    const auto where = loopback_endpoint(listen).value();
    const auto at = [&served, version = std::string{version}, started = wall_clock::now()] {
        return take_status(served, version, started);
    };
    try {
        const auto address = serve_http(
            served.context(), where,
            [=, host = listen.host](const request& asked) { return answer(asked, host, at); });
        log::info("admin listening", {{"address", to_text(address)}});
    } catch (const boost::system::system_error& error) {
        throw std::runtime_error{"admin.listen: " + to_text(where) + ": " + error.code().message()};
    }
}

}  // namespace pgballast::admin
