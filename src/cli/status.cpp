#include "pgballast/cli/status.hpp"

#include <sysexits.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <iomanip>
#include <ostream>
#include <string>
#include <vector>

#include "pgballast/admin/loopback.hpp"

namespace pgballast::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;

std::string ask(const asio::ip::tcp::endpoint& where, const std::string& path) {
    asio::io_context context;
    beast::tcp_stream stream{context};
    stream.connect(where);
    http::request<http::empty_body> request{http::verb::get, path, 11};
    request.set(http::field::host, "localhost");
    request.set(http::field::connection, "close");
    http::write(stream, request);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    return std::move(response.body());
}

std::string text_of(const json::value& value) {
    if (const auto* text = value.if_string())
        return std::string{*text};
    return std::to_string(value.to_number<std::int64_t>());
}

std::string in_words(std::int64_t seconds) {
    for (const auto& [size, unit] : {std::pair{86400, "d"}, {3600, "h"}, {60, "min"}})
        if (seconds >= 2 * size)
            return std::to_string(seconds / size) + ' ' + unit;
    return std::to_string(seconds) + " s";
}

using row = std::vector<std::string>;

/// Names to the left, numbers to the right.
void write_table(const std::vector<row>& rows, std::size_t names, std::ostream& out) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& one : rows)
        for (std::size_t i = 0; i < one.size(); ++i)
            widths[i] = std::max(widths[i], one[i].size());
    for (const auto& one : rows) {
        for (std::size_t i = 0; i < one.size(); ++i)
            out << (i == 0 ? "" : "  ") << (i < names ? std::left : std::right)
                << std::setw(static_cast<int>(widths[i])) << one[i];
        out << '\n';
    }
}

row row_of(const json::value& of) {
    const auto& pool = of.at("pool");
    const auto& totals = of.at("totals");
    return {text_of(of.at("database")),
            text_of(of.at("mode")),
            text_of(of.at("state")),
            text_of(of.at("clients")),
            text_of(pool.at("waiting")),
            text_of(pool.at("open")) + "/" + text_of(pool.at("max")),
            text_of(pool.at("lent")),
            text_of(totals.at("transactions")),
            text_of(totals.at("backends_lost")),
            text_of(totals.at("losses_hidden")),
            text_of(totals.at("losses_told"))};
}

}  // namespace

void write_status(const json::value& stats, std::ostream& out) {
    out << "pgballast " << text_of(stats.at("version")) << ", " << text_of(stats.at("engine"))
        << ", " << text_of(stats.at("workers"))
        << (stats.at("workers") == 1 ? " worker" : " workers") << ", up "
        << in_words(stats.at("uptime_seconds").to_number<std::int64_t>()) << ", "
        << text_of(stats.at("clients")) << " of " << text_of(stats.at("clients_max")) << " clients"
        << (stats.at("ready").as_bool() ? "" : ", shutting down") << "\n\n";
    std::vector<row> rows{{"database", "mode", "state", "clients", "waiting", "backends", "in use",
                           "transactions", "lost", "hidden", "told"}};
    for (const auto& pool : stats.at("pools").as_array())
        rows.push_back(row_of(pool));
    write_table(rows, 3, out);
    for (const auto& pool : stats.at("pools").as_array())
        if (const auto* error = pool.at("last_error").if_object())
            out << "\nlast error of " << text_of(pool.at("database")) << ": "
                << text_of(error->at("message")) << " (" << text_of(error->at("sqlstate")) << ")\n";
}

int status(const config::snapshot& settings, std::ostream& out, std::ostream& err) {
    if (!settings.admin) {
        err << "pgballast: the admin port is off, and status is asked there: set admin.listen\n";
        return EX_CONFIG;
    }
    const auto where = admin::loopback_endpoint(*settings.admin);
    if (!where) {
        err << "pgballast: " << config::to_string(where.error()) << '\n';
        return EX_CONFIG;
    }
    try {
        write_status(json::parse(ask(*where, "/api/v1/stats")), out);
        return 0;
    } catch (const boost::system::system_error& error) {
        err << "pgballast: nobody answers at " << *where << ": " << error.code().message();
    } catch (const std::exception&) {
        err << "pgballast: who answers at " << *where << " is not pgballast";
    }
    err << "\n  Does it run, and with this configuration? --admin ADDR:PORT names another port.\n";
    return EX_UNAVAILABLE;
}

}  // namespace pgballast::cli
