#include "model_backend.hpp"

namespace pgballast::sim {
namespace {

std::vector<std::string> statements_of(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(';', at), text.size());
        if (end != at)
            all.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return all;
}

/// What stands between the `nth` pair of quotes.
std::string quoted(const std::string& text, char quote, int nth) {
    std::size_t at = 0;
    for (int skipped = 0; skipped < 2 * nth; ++skipped)
        at = text.find(quote, at) + 1;
    const auto begin = text.find(quote, at) + 1;
    return text.substr(begin, text.find(quote, begin) - begin);
}

unsigned number_in(const std::string& text) {
    return static_cast<unsigned>(std::stoul(text.substr(text.find_first_of("0123456789"))));
}

}  // namespace

model_backend::settings model_backend::defaults() {
    return {{"TimeZone", "UTC"}, {"application_name", ""}, {"work_mem", "4MB"}};
}

std::string model_backend::next_words() const {
    const auto header = wire::decode_frame_header(input_).value();
    if (!header || input_.size() < header->frame_size())
        return "a part of what follows " + last_words_;
    const auto body = bytes{input_}.substr(wire::header_size, header->body_size);
    const std::string type{header->type};
    switch (header->type) {
        case 'Q':
            return type + " " + up_to_zero(body);
        case 'P':
            return type + " " + up_to_zero(body.substr(body.find('\0') + 1));
        case 'd':
            return type + " " + std::string{body};
        default:
            return type + " of " + parsed_;
    }
}

bool model_backend::run_next(std::string& out) {
    auto words = next_words();
    const auto one = take_message(input_);
    if (!one)
        return false;
    last_words_ = std::move(words);
    run(*one, out);
    return true;
}

void model_backend::run(const message& one, std::string& out) {
    if (copying_)
        return run_copy(one, out);
    switch (one.type) {
        case 'S':
            segment_open_ = skipping_ = false;
            return finish(out);
        case 'Q':
            if (!skipping_)
                run_query(up_to_zero(one.body), out);
            return;
        case 'd':  // of a COPY that has failed
        case 'c':
        case 'H':
            return;
        case 'P':
        case 'B':
        case 'D':
        case 'E':
        case 'C':
            segment_open_ = true;
            if (!skipping_)
                run_extended(one, out);
            return;
        default:
            throw broken{std::string{"the backend was sent: "} + one.type};
    }
}

void model_backend::run_query(const std::string& text, std::string& out) {
    segment_open_ = false;
    for (const auto& statement : statements_of(text)) {
        if (!execute(statement, out))
            break;
        if (copying_) {
            copying_ = 'Q';
            return;
        }
    }
    finish(out);
}

void model_backend::run_extended(const message& one, std::string& out) {
    const auto name = up_to_zero(one.body);
    switch (one.type) {
        case 'P':
            return run_parse(name, up_to_zero(bytes{one.body}.substr(name.size() + 1)), out);
        case 'B': {
            const auto of = up_to_zero(bytes{one.body}.substr(1));
            if (!of.empty() && !prepared_.contains(of)) {
                skipping_ = !fail(out, "26000");
                return;
            }
            portal_ = of.empty() ? parsed_ : prepared_.at(of);
            return append(out, '2');
        }
        case 'D':
            return run_describe(one, out);
        case 'C':  // of a statement that is not there too
            prepared_.erase(name.substr(1));
            return append(out, '3');
        default:
            skipping_ = !execute(portal_, out);
            if (copying_)
                copying_ = 'E';
    }
}

void model_backend::run_parse(const std::string& name, std::string text, std::string& out) {
    if (name.empty())
        parsed_ = std::move(text);
    else if (!prepared_.emplace(name, std::move(text)).second) {
        skipping_ = !fail(out, "42P05");
        return;
    }
    append(out, '1');
}

void model_backend::run_describe(const message& one, std::string& out) {
    if (one.body.starts_with('S')) {
        if (!prepared_.contains(up_to_zero(bytes{one.body}.substr(1)))) {
            skipping_ = !fail(out, "26000");
            return;
        }
        append(out, 't', {"\0\0", 2});
    }
    append(out, 'n');
}

void model_backend::run_copy(const message& one, std::string& out) {
    if (one.type == 'S' || one.type == 'H')
        return;
    const bool simple = copying_ == 'Q';
    if (one.type == 'd' && one.body != "bad") {
        pending_.push_back(static_cast<unsigned>(std::stoul(one.body)));
        return;
    }
    copying_ = 0;
    if (one.type == 'c')
        wire::append_command_complete(out, "COPY 1");
    else {
        fail(out, "22P02");
        skipping_ = !simple;
    }
    if (simple)
        finish(out);
}

bool model_backend::execute(const std::string& statement, std::string& out) {
    if (statement == "commit" || statement == "rollback" || statement == "begin")
        return execute_control(statement, out);
    if (status_ == 'E')
        return fail(out, "25P02");
    if (statement == "discard all")
        return execute_discard(out);
    for (const auto* verb : {"prepare ", "execute ", "deallocate "})
        if (statement.starts_with(verb))
            return execute_prepared(statement, out);
    if (statement.starts_with("insert ")) {
        pending_.push_back(number_in(statement.substr(statement.find(" ("))));
        wire::append_command_complete(out, "INSERT 0 1");
    } else if (statement.starts_with("set ")) {
        const auto end = statement.find('=');
        set(statement.substr(4, end - 4), quoted(statement, '\'', 0));
        wire::append_command_complete(out, "SET");
    } else if (statement.starts_with("reset ")) {
        const auto name = quoted(statement, '"', 0);
        set(name, defaults().at(name));
        wire::append_command_complete(out, "RESET");
    } else if (statement.starts_with("select pg_catalog.set_config(")) {
        set(quoted(statement, '\'', 0), quoted(statement, '\'', 1));
        show(quoted(statement, '\'', 1), out);
    } else if (statement.starts_with("select not exists") || statement.starts_with("with "))
        show("t", out);
    else if (statement == "select 1")
        show("1", out);
    else if (statement.starts_with("mine "))
        show(statement.substr(5), out);
    else if (statement.starts_with("show "))
        show(settings_.at(statement.substr(5)), out);
    else if (statement.starts_with("rows "))
        for (auto left = number_in(statement) + 1; left != 0; --left)
            left == 1 ? wire::append_command_complete(out, "SELECT")
                      : append(out, 'D', {"\0\1\0\0\0\1x", 7});
    else if (statement == "copy") {
        append(out, 'G', {"\0\0\0", 3});
        copying_ = '?';
    } else if (statement == "fail")
        return fail(out, "22012");
    else
        throw broken{"the backend was told to: " + statement};
    return true;
}

bool model_backend::execute_prepared(const std::string& statement, std::string& out) {
    const auto verb = statement.substr(0, statement.find(' '));
    const auto rest = statement.substr(verb.size() + 1);
    const auto name = rest.substr(0, rest.find(' '));
    if (verb == "prepare") {
        if (!prepared_.emplace(name, rest.substr(rest.find("mine "))).second)
            return fail(out, "42P05");
        wire::append_command_complete(out, "PREPARE");
        return true;
    }
    if (rest == "all")
        prepared_.clear();
    else if (!prepared_.contains(name))
        return fail(out, "26000");
    if (verb == "execute")
        return execute(prepared_.at(name), out);
    prepared_.erase(name);
    wire::append_command_complete(out, "DEALLOCATE");
    return true;
}

bool model_backend::execute_discard(std::string& out) {
    if (status_ != 'I')
        return fail(out, "25001");
    commit();  // what a segment has done before it stays done
    settings_ = defaults();
    prepared_.clear();
    wire::append_command_complete(out, "DISCARD ALL");
    return true;
}

bool model_backend::execute_control(const std::string& statement, std::string& out) {
    if (statement == "begin") {
        if (status_ == 'I')
            status_ = 'T';
        wire::append_command_complete(out, "BEGIN");
    } else if (statement == "commit" && status_ != 'E') {
        commit();
        wire::append_command_complete(out, "COMMIT");
    } else {
        roll_back();
        wire::append_command_complete(out, "ROLLBACK");
    }
    return true;
}

bool model_backend::fail(std::string& out, bytes sqlstate) {
    wire::append_error(out, {"ERROR", sqlstate, "as the script wants it"});
    if (status_ == 'I')
        roll_back();
    else
        status_ = 'E';
    return false;
}

void model_backend::set(const std::string& name, const std::string& value) {
    settings_.at(name) = value;
}

void model_backend::show(const std::string& value, std::string& out) {
    if (!segment_open_)
        append(out, 'T', {"\0\0", 2});
    wire::message{out, 'D'}.i16(1).i32(static_cast<std::int32_t>(value.size())).view(value);
    wire::append_command_complete(out, "SHOW");
}

void model_backend::commit() {
    for (const auto row : pending_)
        ++rows_[row];
    pending_.clear();
    before_ = settings_;
    status_ = 'I';
}

void model_backend::roll_back() {
    pending_.clear();
    settings_ = before_;
    status_ = 'I';
}

void model_backend::finish(std::string& out) {
    if (status_ == 'I')
        commit();
    for (const auto& [name, value] : settings_)
        if (is_reported(name) && reported_[name] != value) {
            reported_[name] = value;
            wire::append_parameter_status(out, name, value);
        }
    append(out, 'Z', {&status_, 1});
}

void model_backend::end() {
    roll_back();
    input_.clear();
    segment_open_ = skipping_ = false;
    copying_ = 0;
}

bool model_backend::at_rest() const {
    if (status_ != 'I' || segment_open_ || copying_)
        return false;
    auto rest = input_;
    while (const auto one = take_message(rest))
        if (bytes{"dcH"}.find(one->type) == bytes::npos)
            return false;
    return true;
}

}  // namespace pgballast::sim
