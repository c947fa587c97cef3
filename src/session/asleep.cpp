#include "pgballast/session/asleep.hpp"

#include <array>
#include <utility>

#include "pgballast/wire/messages.hpp"
#include "pgballast/wire/prepared.hpp"
#include "pgballast/wire/reader.hpp"
#include "pgballast/wire/writer.hpp"

namespace pgballast::session {
namespace {

using sql::ping;
using wire::bytes;

/// CommandComplete's tags, in the order of `ping`. The empty query has none.
constexpr std::array<bytes, 13> tags{"",
                                     "SELECT 1",
                                     "ROLLBACK",
                                     "DISCARD ALL",
                                     "DISCARD PLANS",
                                     "DISCARD SEQUENCES",
                                     "DISCARD TEMP",
                                     "RESET",
                                     "SET",
                                     "CLOSE CURSOR ALL",
                                     "UNLISTEN",
                                     "DEALLOCATE ALL",
                                     "SELECT 1"};

/// The one column that some of them have. Type and size as in pg_type.dat.
struct column {
    bytes name;
    std::int32_t type;
    std::int16_t size;
    bytes text, binary;
};

constexpr column one{"?column?", 23, 4, "1", {"\0\0\0\1", 4}};
constexpr column none{"pg_advisory_unlock_all", 2278, 4, {}, {}};

const column* column_of(ping what) {
    return what == ping::one ? &one : what == ping::unlock_all ? &none : nullptr;
}

void append_description(std::string& out, ping what, std::int16_t format) {
    if (const auto* only = column_of(what))
        wire::message{out, 'T'}
            .i16(1)
            .cstring(only->name)
            .i32(0)
            .i16(0)
            .i32(only->type)
            .i16(only->size)
            .i32(-1)
            .i16(format);
    else
        wire::message{out, 'n'};
}

void append_result(std::string& out, ping what, std::int16_t format) {
    if (what == ping::empty) {
        wire::message{out, 'I'};
        return;
    }
    if (const auto* only = column_of(what)) {
        const auto value = format == 0 ? only->text : only->binary;
        wire::message{out, 'D'}.i16(1).i32(static_cast<std::int32_t>(value.size())).view(value);
    }
    if (what == ping::rollback)
        wire::append_notice(out, {"WARNING", "25P01", "there is no transaction in progress"});
    wire::append_command_complete(out, tags[static_cast<std::size_t>(what)]);
}

/// A segment, message by message.
class segment {
 public:
    explicit segment(asleep_answer& made) : made_{made} {}

    /// False where the server is needed.
    bool take(const wire::subject& about, bytes body) {
        switch (about.header.type) {
            case 'P':
                return !parsed_ && parse(body);
            case 'B':
                return parsed_ && about.portal->empty() && about.statement->empty() &&
                       bind(body.substr(2));
            case 'D':
                return about.statement ? parsed_ && describe_statement(*about.statement)
                                       : bound_ && describe_portal(*about.portal);
            case 'E':
                return bound_ && about.portal->empty() && execute(body.substr(1));
            case 'H':
                return true;
            case 'S':
                wire::append_ready_for_query(made_.reply, wire::txn::idle);
                return true;
            default:
                return false;
        }
    }

 private:
    bool parse(bytes body) {
        const auto fields = wire::decode_parse(body);
        const bool typed = fields && fields->definition.size() != fields->text.size() + 3;
        if (!fields || !fields->name.empty() || typed)
            return false;
        made_.to = sql::pings_in(fields->text);
        made_.definition = fields->definition;
        wire::message{made_.reply, '1'};
        parsed_ = true;
        return made_.to.size() == 1;
    }

    /// Behind the names: formats of parameters, parameters, formats of columns.
    bool bind(bytes rest) {
        wire::reader in{rest};
        for (auto formats = in.i16(); in.good() && formats > 0; --formats)
            in.i16();
        const auto parameters = in.i16();
        const auto columns = in.i16();
        if (parameters != 0 || columns > 1)
            return false;
        format_ = columns == 1 ? in.i16() : std::int16_t{0};
        if (in.finish() || format_ < 0 || format_ > 1)
            return false;
        wire::message{made_.reply, '2'};
        return bound_ = true;
    }

    bool describe_statement(bytes name) {
        wire::message{made_.reply, 't'}.i16(0);
        append_description(made_.reply, what(), 0);
        return name.empty();
    }

    bool describe_portal(bytes name) {
        append_description(made_.reply, what(), format_);
        return name.empty();
    }

    /// Behind the name: how many rows at most.
    bool execute(bytes rest) {
        wire::reader in{rest};
        const auto rows_max = in.i32();
        append_result(made_.reply, what(), format_);
        return !in.finish() && rows_max == 0 && !std::exchange(executed_, true);
    }

    ping what() const noexcept { return made_.to.front(); }

    asleep_answer& made_;
    std::int16_t format_ = 0;
    bool parsed_ = false;
    bool bound_ = false;
    bool executed_ = false;
};

std::optional<asleep_answer> answer_query(const wire::frame_header& header, bytes body) {
    if (!body.ends_with('\0'))
        return std::nullopt;
    body.remove_suffix(1);
    asleep_answer made;
    if (body.find('\0') == bytes::npos)
        made.to = sql::pings_in(body);
    if (made.to.empty())
        return std::nullopt;
    for (const auto what : made.to) {
        if (column_of(what))
            append_description(made.reply, what, 0);
        append_result(made.reply, what, 0);
    }
    wire::append_ready_for_query(made.reply, wire::txn::idle);
    made.used = header.frame_size();
    return made;
}

}  // namespace

std::optional<asleep_answer> answer_without_server(bytes in) {
    asleep_answer made;
    segment rest{made};
    while (true) {
        const auto about = wire::decode_subject(in.substr(made.used));
        if (!about || !*about || (*about)->header.frame_size() > in.size() - made.used)
            return std::nullopt;
        const auto& header = (*about)->header;
        const auto body = in.substr(made.used + wire::header_size, header.body_size);
        if (header.type == 'Q')
            return made.used == 0 ? answer_query(header, body) : std::nullopt;
        if (!rest.take(**about, body))
            return std::nullopt;
        made.used += header.frame_size();
        if (header.type == 'S')
            return made.to.empty() ? std::nullopt : std::optional{std::move(made)};
    }
}

}  // namespace pgballast::session
