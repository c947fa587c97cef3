// Messages that speak of prepared statements, and the same ones under another name.
#include <string>

#include "fuzz.hpp"
#include "pgballast/sql/frozen_time.hpp"
#include "pgballast/wire/prepared.hpp"

using namespace pgballast;
using fuzz::require;

namespace {

constexpr std::uint32_t body_max = 4096;

/// What is known of a front does not change with the bytes behind it.
void check_prefixes(wire::bytes message, const wire::subject& whole) {
    for (std::size_t size = 0; size <= message.size(); ++size) {
        const auto found = wire::decode_subject(message.substr(0, size), body_max).value();
        require(found.has_value() == (size >= whole.size));
        require(!found || (found->size == whole.size && found->statement == whole.statement &&
                           found->portal == whole.portal));
    }
}

void check_renaming(wire::bytes message, const wire::subject& of) {
    std::string out;
    wire::append_renamed_front(out, of, *of.statement);
    require(out == message.substr(0, of.size));

    out.clear();
    wire::append_renamed_front(out, of, "another");
    out.append(message.substr(of.size));
    const auto again = wire::decode_subject(out).value().value();
    require(again.header.frame_size() == out.size());
    require(again.statement == "another" && again.portal == of.portal);
}

void check_parse(wire::bytes message) {
    const auto fields = wire::decode_parse(message.substr(wire::header_size));
    if (!fields)
        return;
    require(wire::query_text(fields->definition) == fields->text);
    std::string out;
    wire::append_parse(out, fields->name, fields->definition);
    require(out == message);

    const std::string text{fields->text};
    require(sql::freezes_time("select 'now', " + text));
    require(!sql::freezes_time(text + "\n") || sql::freezes_time(text + "\n, 1"));
}

void check_message(wire::bytes message) {
    const auto found = wire::decode_subject(message, body_max);
    if (!found)
        return;
    const auto& whole = found->value();  // nothing is missing
    require(whole.size <= message.size());
    check_prefixes(message, whole);
    if (whole.statement)
        check_renaming(message, whole);
    if (whole.header.type == 'P')
        check_parse(message);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto rest = fuzz::input(data, size);
    for (;;) {
        const auto header = wire::decode_frame_header(rest, body_max);
        if (!header || !*header || (*header)->frame_size() > rest.size())
            return 0;
        check_message(rest.substr(0, (*header)->frame_size()));
        rest.remove_prefix((*header)->frame_size());
    }
}
