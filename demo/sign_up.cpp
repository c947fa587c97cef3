#include "sign_up.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>

#include "secrets.hpp"
#include "statements.hpp"

namespace signup_demo {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using boost::beast::http::status;

asio::awaitable<std::string> hash(std::string password) {
    co_return hash_password(password);
}

signed_up created(const rows& found, const std::string& token) {
    const auto& row = found.front();
    assert(row.size() == 7);
    json::object user{{"id", *row[0]},
                      {"email", *row[1]},
                      {"emailVerified", nullptr},
                      {"createdAt", *row[2]},
                      {"updatedAt", *row[3]}};
    json::object session{
        {"id", *row[4]}, {"userId", *row[5]}, {"expires", *row[6]}, {"sessionToken", token}};
    return {status::created, {{"user", std::move(user)}, {"session", std::move(session)}}};
}

signed_up taken() {
    auto body = error_json("email_taken", "this e-mail address is already registered");
    body["error"].get_object()["fields"] = {{"email", "is already registered"}};
    return {status::conflict, std::move(body)};
}

signed_up failed(const database_error& error) {
    auto body = error_json("database", error.message);
    if (!error.sqlstate.empty())
        body["error"].get_object()["sqlstate"] = error.sqlstate;
    return {status::service_unavailable, std::move(body)};
}

}  // namespace

json::object error_json(std::string_view code, std::string_view message) {
    json::object error{{"code", json::string_view{code.data(), code.size()}},
                       {"message", json::string_view{message.data(), message.size()}}};
    return {{"error", std::move(error)}};
}

signed_up refused(const field_errors& fields) {
    auto body = error_json("invalid", "some fields are not valid");
    json::object each;
    for (const auto& [name, why] : fields)
        each[name] = why;
    body["error"].get_object()["fields"] = std::move(each);
    return {status::unprocessable_entity, std::move(body)};
}

signed_up answer_of(const query_result& result, const std::string& token) {
    if (const auto* error = std::get_if<database_error>(&result))
        return failed(*error);
    const auto& found = std::get<rows>(result);
    return found.empty() ? taken() : created(found, token);
}

asio::awaitable<signed_up> sign_up(std::string body, std::string application, database& into,
                                   asio::thread_pool& hashing) {
    auto read = read_form(body);
    if (const auto* wrong = std::get_if<no_object>(&read))
        co_return signed_up{status::bad_request, error_json("bad_request", wrong->why)};
    if (const auto* wrong = std::get_if<field_errors>(&read))
        co_return refused(*wrong);

    auto& filled = std::get<form>(read);
    auto work = hash(std::move(filled.password));
    auto& executor = hashing;
    const auto hashed = co_await asio::co_spawn(executor, std::move(work), asio::use_awaitable);
    const auto token = make_session_token();
    query insert{statements::sign_up};
    insert.parameters = {application, filled.email, hashed, digest_of(token)};

    const auto asked = std::chrono::steady_clock::now();
    const auto result = co_await into.run(std::move(insert));
    auto answer = answer_of(result, token);
    answer.in_database = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - asked);
    co_return answer;
}

}  // namespace signup_demo
