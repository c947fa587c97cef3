#include "pgballast/admin/http_server.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>

using namespace pgballast::admin;
using namespace std::string_literals;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Tells each client what it asked for.
response echo(const request& asked) {
    response made{http::status::ok, 11};
    made.keep_alive(asked.keep_alive());
    made.body() = asked.target();
    made.prepare_payload();
    return made;
}

/// A server on a thread of its own.
class running_server {
 public:
    explicit running_server(const http_limits& limits = {})
        : address_{serve_http(context_, {asio::ip::address_v4::loopback(), 0}, echo, limits)},
          thread_{[this] { context_.run(); }} {}
    ~running_server() {
        context_.stop();
        thread_.join();
    }
    const tcp::endpoint& address() const { return address_; }

 private:
    asio::io_context context_{1};
    tcp::endpoint address_;
    std::thread thread_;
};

class connection {
 public:
    explicit connection(const running_server& to) : socket_{context_} {
        socket_.connect(to.address());
    }
    void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
    void end_sending() { socket_.shutdown(tcp::socket::shutdown_send); }

    /// Status line and body of the next answer.
    std::string receive() {
        asio::read_until(socket_, asio::dynamic_buffer(received_), "\r\n\r\n");
        const auto header_end = received_.find("\r\n\r\n") + 4;
        const auto header = received_.substr(0, header_end);
        received_.erase(0, header_end);
        const auto length = header.find("Content-Length: ");
        REQUIRE(length != header.npos);
        const auto size = std::stoul(header.substr(length + 16));
        if (received_.size() < size)
            asio::read(socket_, asio::dynamic_buffer(received_),
                       asio::transfer_exactly(size - received_.size()));
        const auto body = received_.substr(0, size);
        received_.erase(0, size);
        return header.substr(0, header.find("\r\n")) + " | " + body;
    }

    /// All until the server closes. Fails where it resets.
    std::string receive_to_end() {
        error_code error;
        asio::read(socket_, asio::dynamic_buffer(received_), error);
        CHECK(error == asio::error::eof);
        return received_;
    }

 private:
    asio::io_context context_;
    tcp::socket socket_;
    std::string received_;
};

std::string get(const std::string& target, const std::string& more = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}

std::string status_line(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n"));
}

}  // namespace

TEST_CASE("requests of one connection are answered one after the other") {
    const running_server server;
    connection client{server};
    for (const auto* target : {"/a", "/b", "/c"}) {
        client.send(get(target));
        CHECK(client.receive() == "HTTP/1.1 200 OK | "s + target);
    }
}

TEST_CASE("requests may be sent before earlier ones have been answered") {
    const running_server server;
    connection client{server};
    client.send(get("/a") + get("/b") + get("/c", "Connection: close\r\n"));
    for (const auto* target : {"/a", "/b", "/c"})
        CHECK(client.receive() == "HTTP/1.1 200 OK | "s + target);
    CHECK(client.receive_to_end().empty());
}

TEST_CASE("a request may come in any pieces") {
    const running_server server;
    connection client{server};
    const auto text = get("/pieces");
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        client.send(text.substr(0, cut));
        client.send(text.substr(cut));
        CHECK(client.receive() == "HTTP/1.1 200 OK | /pieces");
    }
    for (const char octet : text)
        client.send({octet});
    CHECK(client.receive() == "HTTP/1.1 200 OK | /pieces");
}

TEST_CASE("a request cut short is not answered") {
    const running_server server;
    const auto text = get("/a");
    for (std::size_t size = 0; size < text.size(); ++size) {
        CAPTURE(size);
        connection client{server};
        client.send(text.substr(0, size));
        client.end_sending();
        CHECK(client.receive_to_end().empty());
    }
}

TEST_CASE("a client that says close is closed after its answer") {
    const running_server server;
    connection client{server};
    client.send(get("/a", "Connection: close\r\n"));
    CHECK(client.receive() == "HTTP/1.1 200 OK | /a");
    CHECK(client.receive_to_end().empty());
}

TEST_CASE("what is no HTTP is refused and closed") {
    const running_server server;
    for (const auto& text :
         {"\0\0\0\x08\x04\xd2\x16\x2f"s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n"s,
          "GET /\r\n\r\n"s, "GET / HTTP/2.0\r\n\r\n"s, "GET / HTTP/1.1\r\nno field\r\n\r\n"s}) {
        connection client{server};
        client.send(text + std::string(64, ' ') + "\r\n\r\n");
        CHECK(status_line(client.receive_to_end()) == "HTTP/1.1 400 Bad Request");
    }
}

TEST_CASE("a header above the limit is refused, though most of it is never read") {
    const running_server server;
    connection client{server};
    client.send(get("/a", "Filler: " + std::string(100'000, 'x') + "\r\n"));
    CHECK(status_line(client.receive_to_end()) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("a header within the limit is read, one above it is not") {
    const running_server server;
    connection client{server};
    const auto rest = get("/a", "Filler: \r\n").size();
    const auto fill = [&](std::size_t total) {
        return get("/a", "Filler: " + std::string(total - rest, 'x') + "\r\n");
    };
    client.send(fill(8 * 1024));
    CHECK(client.receive() == "HTTP/1.1 200 OK | /a");
    client.send(fill(8 * 1024 + sizeof "GET /a HTTP/1.1\r\n"));  // its line may not count
    CHECK(status_line(client.receive_to_end()) == "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("no body is taken, however it is announced") {
    const running_server server;
    for (const auto& announced : {"Content-Length: 5\r\n"s, "Content-Length: 5000000000\r\n"s,
                                  "Transfer-Encoding: chunked\r\n"s}) {
        CAPTURE(announced);
        connection client{server};
        client.send(get("/a", announced) + "5\r\nhello\r\n0\r\n\r\n");
        CHECK(status_line(client.receive_to_end()) == "HTTP/1.1 413 Payload Too Large");
    }
    connection client{server};
    client.send(get("/a", "Content-Length: 0\r\n"));
    CHECK(client.receive() == "HTTP/1.1 200 OK | /a");
}

TEST_CASE("who says nothing, or not all of it, is closed in time") {
    const running_server server{{.read_timeout = 20ms}};
    connection silent{server};
    CHECK(silent.receive_to_end().empty());
    connection slow{server};
    slow.send("GET / HTTP/1.1\r\n");
    CHECK(slow.receive_to_end().empty());
}

TEST_CASE("a connection above the limit is closed, and those below it are served on") {
    const running_server server{{.connections = 2}};
    auto first = std::make_unique<connection>(server);
    connection second{server};
    for (auto* each : {first.get(), &second}) {
        each->send(get("/a"));  // answered: so it has been counted
        CHECK(each->receive() == "HTTP/1.1 200 OK | /a");
    }
    CHECK(connection{server}.receive_to_end().empty());

    first->end_sending();
    CHECK(first->receive_to_end().empty());  // so its place is free, or will be at once
    first.reset();
    second.send(get("/b"));
    CHECK(second.receive() == "HTTP/1.1 200 OK | /b");
    connection third{server};
    third.send(get("/c"));
    CHECK(third.receive() == "HTTP/1.1 200 OK | /c");
}

TEST_CASE("an address in use cannot be listened on") {
    const running_server server;
    asio::io_context context;
    CHECK_THROWS_AS(serve_http(context, server.address(), echo), boost::system::system_error);
}

TEST_CASE("connections that are open when the context ends, end with it") {
    std::optional<running_server> server{std::in_place};
    connection client{*server};
    client.send(get("/a"));
    CHECK(client.receive() == "HTTP/1.1 200 OK | /a");
    server.reset();
    CHECK(client.receive_to_end().empty());
}
