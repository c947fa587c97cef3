// A backend, as far as a proxy can see one: transactions, settings, COPY, errors, and
// a table that counts what was inserted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "messages.hpp"

namespace pgballast::sim {

/// What all backends share: how often each row is there.
using table = std::map<unsigned, unsigned>;

/// Understands `insert N`, `begin`, `commit`, `rollback`, `set X='Y'`, `show X`,
/// `rows N`, `fail`, `copy`, `mine X`, what makes, runs and ends prepared statements with
/// such texts, and what pgballast says to restore a session or to clean up behind one.
class model_backend {
 public:
    using settings = std::map<std::string, std::string>;

    explicit model_backend(table& rows) : rows_{rows} {}

    static settings defaults();
    static bool is_reported(const std::string& name) { return name != "work_mem"; }

    void receive(bytes in) { input_.append(in); }

    /// Describe the next message and the last one, for people.
    std::string next_words() const;
    const std::string& last_words() const { return last_words_; }

    /// Executes the next message; false if none is whole. Replies go to `out`.
    bool run_next(std::string& out);

    /// The connection has ended, or the process: what is not committed never was.
    void end();

    /// No transaction, no segment without its Sync, no request waits to be read.
    bool at_rest() const;

 private:
    void run(const message& one, std::string& out);
    void run_query(const std::string& text, std::string& out);
    void run_extended(const message& one, std::string& out);
    void run_copy(const message& one, std::string& out);
    bool execute(const std::string& statement, std::string& out);
    void run_parse(const std::string& name, std::string text, std::string& out);
    void run_describe(const message& one, std::string& out);
    bool execute_prepared(const std::string& statement, std::string& out);
    bool execute_discard(std::string& out);
    bool execute_control(const std::string& statement, std::string& out);
    bool fail(std::string& out, bytes sqlstate);
    void set(const std::string& name, const std::string& value);
    void show(const std::string& value, std::string& out);
    void commit();
    void roll_back();
    void finish(std::string& out);

    table& rows_;
    std::string input_;
    std::string last_words_ = "the login";
    char status_ = 'I';
    std::vector<unsigned> pending_;
    settings settings_ = defaults();
    settings before_ = settings_;  // when the transaction began
    settings reported_ = settings_;
    std::map<std::string, std::string> prepared_;  // texts by name
    std::string parsed_, portal_;                  // unnamed
    bool segment_open_ = false;
    bool skipping_ = false;
    char copying_ = 0;  // the request it belongs to: 'Q' or 'E'
};

}  // namespace pgballast::sim
