// Which statements leave nothing behind in a session.
#pragma once

#include <string_view>

namespace pgballast::sql {

/// What a text leaves behind on the backend it ran on, as far as that is certain.
enum class trace {
    none,  // nothing that the server does not report: SHOW, BEGIN, SET TimeZone
    code,  // nothing, unless a user's function, view, trigger, default or cast does behind its back
    unknown,  // anything
};

/// Judges one query string. Strict: what is not understood is `unknown`. A SELECT, INSERT,
/// UPDATE or DELETE is `code` only if every function it calls by name is a built-in one
/// known to leave nothing behind; what hides in views, triggers, defaults, policies,
/// operators and casts is the catalog's to tell.
trace trace_of(std::string_view text);

}  // namespace pgballast::sql
