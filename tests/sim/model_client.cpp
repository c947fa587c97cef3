#include "model_client.hpp"

#include <utility>

namespace pgballast::sim {
namespace {

bool inserts(const std::string& statement) {
    return statement.starts_with("insert ");
}

unsigned row_of(const std::string& statement) {
    return static_cast<unsigned>(std::stoul(statement.substr(statement.find('(') + 1)));
}

std::vector<unsigned> rows_of(const request& one) {
    std::vector<unsigned> rows;
    for (const auto& statement : one.statements)
        if (inserts(statement))
            rows.push_back(row_of(statement));
    for (const auto& copied : one.copied)
        if (copied != "bad")
            rows.push_back(static_cast<unsigned>(std::stoul(copied)));
    return rows;
}

void append_execution(std::string& out, bytes name) {
    wire::message{out, 'B'}.cstring({}).cstring(name).i16(0).i16(0).i16(0);
    append(out, 'D', {"P\0", 2});
    append(out, 'E', {"\0\0\0\0\0", 5});
}

/// The verbs of the extended protocol, or Parse and all that follows.
void append_extended(std::string& out, const std::string& statement) {
    const auto name = bytes{statement}.substr(statement.find(' ') + 1);
    if (statement.starts_with("parse ")) {
        const auto end = name.find(' ');
        wire::message{out, 'P'}.cstring(name.substr(0, end)).cstring(name.substr(end + 1)).i16(0);
    } else if (statement.starts_with("bind "))
        append_execution(out, name);
    else if (statement.starts_with("describe "))
        wire::message{out, 'D'}.view("S").cstring(name);
    else if (statement.starts_with("close "))
        wire::message{out, 'C'}.view("S").cstring(name);
    else {
        wire::message{out, 'P'}.cstring({}).cstring(statement).i16(0);
        append_execution(out, {});
    }
}

bool is(const request& one, bytes statement) {
    return one.statements.size() == 1 && one.statements.front() == statement;
}

}  // namespace

model_client::model_client(settings told, settings own, std::vector<group> script)
    : told_{std::move(told)}, own_{std::move(own)}, script_{std::move(script)} {}

void model_client::encode(const request& one, std::string& out) {
    if (!one.extended) {
        std::string text;
        for (const auto& statement : one.statements)
            text += statement + ";";
        wire::append_query(out, text);
        return;
    }
    for (const auto& statement : one.statements)
        append_extended(out, statement);
    one.synced ? wire::append_sync(out) : append(out, 'H');
}

std::string model_client::outstanding::statement() const {
    if (!what.extended)
        return tags.size() < what.statements.size() ? what.statements[tags.size()] : "";
    return due.empty() ? "" : what.statements[due.front().second];
}

std::string model_client::speak() {
    std::string out;
    if (!wants_to_speak())
        return out;
    auto next = std::exchange(roll_back_, false) ? group{{{{"rollback"}}}} : script_[at_++];
    failed_ = false;
    for (auto& one : next.requests) {
        encode(one, out);
        for (const auto row : rows_of(one))
            fates_[row] = fate::unknown;
        outstanding sent{std::move(one)};
        for (std::size_t at = 0; sent.what.extended && at < sent.what.statements.size(); ++at)
            for (const auto reply : replies_to(sent.what.statements[at]))
                sent.due.emplace_back(reply, at);
        outstanding_.push_back(std::move(sent));
    }
    return out;
}

std::string model_client::hear(bytes in) {
    std::string out;
    input_.append(in);
    while (const auto one = take_message(input_))
        on(*one, out);
    return out;
}

void model_client::on(const message& one, std::string& out) {
    if (fatal_)
        throw broken{"a client was told something behind a fatal error"};
    switch (one.type) {
        case 'S': {
            const auto status = wire::decode_parameter_status(one.body).value();
            told_[std::string{status.name}] = status.value;
            return;
        }
        case 'N': {
            const auto fields = wire::decode_error_fields(one.body);
            if (fields.sqlstate.starts_with("57P"))
                throw broken{"a client was shown the end of a backend"};
            return;
        }
        case 'E':
            return on_error(one, out);
        case 'Z':
            return on_ready(one.body.at(0));
        default:
            return on_reply(one, out);
    }
}

void model_client::on_error(const message& one, std::string& out) {
    const auto fields = wire::decode_error_fields(one.body);
    const std::string sqlstate{fields.sqlstate};
    ++errors_[sqlstate];
    fatal_ = fields.fatal();
    if (fatal_ && sqlstate == "40001")  // certainly not committed
        settle_rows(in_block_, fate::absent);
    if (fatal_)
        return;
    if (outstanding_.empty())
        throw broken{"a client at rest was told of an error: " + sqlstate};
    auto& front = outstanding_.front();
    if (!front.error.empty())
        throw broken{"a client was told of a second error: " + sqlstate + " behind " + front.error};
    front.error = sqlstate;
    if (sqlstate == "08007")
        prepared_.doubt(front.what);
    else
        prepared_.failed(front.statement(), sqlstate);
    if (!front.what.synced && !front.copying)
        wire::append_sync(out);
}

void model_client::on_reply(const message& one, std::string& out) {
    if (outstanding_.empty())
        throw broken{std::string{"a client at rest was sent: "} + one.type};
    auto& front = outstanding_.front();
    if (!front.error.empty())
        throw broken{std::string{"a client was sent something behind an error: "} + one.type};
    const auto statement = front.statement();
    if (one.type == 'C')
        front.tags.push_back(up_to_zero(one.body));
    if (one.type == 'D')
        on_row(one);
    if (one.type == 'G') {
        if (front.what.copied.empty() || std::exchange(front.copying, true))
            throw broken{"a client was asked for COPY data"};
        for (const auto& row : front.what.copied)
            append(out, 'd', row);
        append(out, 'c');
        if (front.what.extended)
            wire::append_sync(out);
        return;
    }
    if (one.type == 'D' || one.type == 'T')
        return;
    if (!front.what.extended) {
        if (one.type != 'C')
            throw broken{std::string{"a simple query was answered by: "} + one.type};
        return prepared_.succeeded(statement);
    }
    if (front.due.empty() || front.due.front().first != one.type)
        throw broken{std::string{"a segment was answered by: "} + one.type};
    const auto which = front.due.front().second;
    front.due.pop_front();
    if (front.due.empty() || front.due.front().second != which)
        prepared_.succeeded(statement);
}

/// Only `show`, `rows` and prepared statements return rows that matter.
void model_client::on_row(const message& one) {
    const auto shown = outstanding_.front().statement();
    if (!shown.starts_with("show "))
        return prepared_.returned(shown, one.body.substr(6));
    const auto name = shown.substr(5);
    const auto value = one.body.substr(6);
    const auto mine = own_.find(name);
    const auto& expected = mine != own_.end() ? mine->second : told_.at(name);
    if (value != expected)
        throw broken{"a client sees a setting that is not its own: " + name + " " + value +
                     " instead of " + expected};
}

void model_client::on_ready(char status) {
    if (outstanding_.empty() && doubtful_)
        return;
    if (outstanding_.empty())
        throw broken{"a client at rest was told that the server is ready"};
    const auto done = std::move(outstanding_.front());
    outstanding_.pop_front();
    if (done.error.empty()) {
        if (done.what.extended && !done.due.empty())
            throw broken{std::string{"a segment ended too early: before "} +
                         done.due.front().first};
        if (!done.what.extended && done.tags.size() != done.what.statements.size())
            throw broken{"a request ended without its tags"};
    }
    settle(done, status);
    status_ = status;
    failed_ |= !done.error.empty();
    // The server may have read the first of the two Syncs before it failed, or not: one
    // who goes on could not tell whose the next ReadyForQuery is.
    if (!done.error.empty() && done.copying && done.what.extended && done.what.synced) {
        doubtful_ = true;
        at_ = script_.size();
        return;
    }
    if (!outstanding_.empty() || !failed_)
        return;
    // As an application does: give up the transaction.
    const auto lost = at_ == 0 ? 0 : script_[at_ - 1].transaction;
    while (lost != 0 && at_ < script_.size() && script_[at_].transaction == lost)
        ++at_;
    roll_back_ = status_ != 'I';
}

void model_client::settle(const outstanding& done, char status) {
    auto rows = rows_of(done.what);
    const auto lost = done.error == "08007" ? fate::unknown : fate::absent;
    if (!done.error.empty()) {
        settle_rows(rows, lost);
        if (status == 'I')
            settle_rows(in_block_, lost);
        return;
    }
    if (is(done.what, "commit") || is(done.what, "rollback"))
        return settle_rows(in_block_, done.tags.front() == "COMMIT" ? fate::present : fate::absent);
    if (status == 'I')
        return settle_rows(rows, fate::present);
    in_block_.insert(in_block_.end(), rows.begin(), rows.end());
}

void model_client::settle_rows(std::vector<unsigned>& rows, fate what) {
    for (const auto row : rows)
        fates_[row] = what;
    rows.clear();
}

void model_client::hear_end() {
    const bool within_message = !input_.empty();  // then no error fits
    if (!std::exchange(ended_, true) && !fatal_ && !within_message)
        throw broken{"a client was left without a word"};
}

}  // namespace pgballast::sim
