// What a client knows of its prepared statements: their names are its own, whoever else
// uses the same.
#pragma once

#include <map>
#include <string>

#include "messages.hpp"
#include "script.hpp"

namespace pgballast::sim {

/// Judges the answers to `parse NAME TEXT`, `bind NAME`, `describe NAME` and `close NAME`
/// of the extended protocol, and to PREPARE, EXECUTE, DEALLOCATE and DISCARD ALL. Throws
/// `broken` where the client could not have been answered so by a backend of its own.
class prepared_statements {
 public:
    void succeeded(const std::string& statement);
    void failed(const std::string& statement, bytes sqlstate);
    void returned(const std::string& statement, const std::string& value) const;

    /// Nobody knows how much of it has been run.
    void doubt(const request& lost);

 private:
    enum class presence { absent, present, unknown };
    struct known {
        presence is = presence::absent;
        std::string text;
        bool by_sql = false;
    };

    const known& find(const std::string& statement) const;

    std::map<std::string, known> names_;
};

/// The replies to a statement in the extended protocol, without an error.
bytes replies_to(const std::string& statement);

}  // namespace pgballast::sim
