#include "provision.hpp"

#include "admin_connection.hpp"

namespace neonsim {
namespace {

/// Runs `create` unless `exists` finds a row.
task<bool> ensure(admin_connection& server, std::string exists, std::string create) {
    const auto found = co_await server.query(exists);
    if (!found)
        co_return false;
    if (!found->empty())
        co_return true;
    const auto created = co_await server.query(create);
    co_return created.has_value();
}

}  // namespace

task<bool> provision(std::filesystem::path socket, std::string user, std::string database) {
    const auto executor = co_await asio::this_coro::executor;
    admin_connection server{executor};
    const auto refused = co_await server.connect(socket);
    if (refused)
        co_return false;

    const auto role_exists = "SELECT FROM pg_roles WHERE rolname = " + quote_literal(user);
    const auto create_role = "CREATE ROLE " + quote_identifier(user) + " LOGIN CREATEDB";
    const bool role = co_await ensure(server, role_exists, create_role);
    if (!role)
        co_return false;

    const auto database_exists =
        "SELECT FROM pg_database WHERE datname = " + quote_literal(database);
    const auto create_database =
        "CREATE DATABASE " + quote_identifier(database) + " OWNER " + quote_identifier(user);
    co_return co_await ensure(server, database_exists, create_database);
}

}  // namespace neonsim
