#include "pgballast/pool/refusals.hpp"

#include <string>
#include <utility>

#include "pgballast/wire/sqlstate.hpp"

namespace pgballast::pool {
namespace {

using std::chrono::milliseconds;

constexpr const char* unanswered = "The server has not answered yet.";

std::string in_words(milliseconds time) {
    if (time.count() % 1000 == 0)
        return std::to_string(time.count() / 1000) + " s";
    return std::to_string(time.count()) + " ms";
}

failure cannot_connect_now(std::string message, std::string detail, std::string hint) {
    failure refused;
    refused.kind = failure_kind::transient;
    refused.sqlstate = wire::sqlstate::cannot_connect_now;
    refused.message = std::move(message);
    refused.detail = std::move(detail);
    refused.hint = std::move(hint);
    return refused;
}

std::string no_backend_within(milliseconds wait_timeout) {
    return "no backend could be had within " + in_words(wait_timeout);
}

std::string in_detail(const failure& cause) {
    return cause.detail.empty() ? cause.message : cause.message + " (" + cause.detail + ")";
}

std::string hint_of(const failure& cause, const char* otherwise) {
    return cause.hint.empty() ? otherwise : cause.hint;
}

}  // namespace

failure refuse_unavailable(milliseconds wait_timeout, const failure& cause) {
    return cannot_connect_now(
        no_backend_within(wait_timeout), in_detail(cause),
        hint_of(cause, "The database could not be reached all that time. Try again later."));
}

std::string notice_of_wait(milliseconds waited, bool exhausted) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waited).count();
    return std::string{"waiting for "} +
           (exhausted ? "a backend that is free" : "the database to wake") + ", " +
           std::to_string(seconds) + " s so far";
}

failure refuse_unanswered(milliseconds wait_timeout) {
    return cannot_connect_now(no_backend_within(wait_timeout), unanswered,
                              "If the database takes that long to wake, raise wait_timeout.");
}

failure refuse_exhausted(milliseconds wait_timeout, unsigned open) {
    return cannot_connect_now(
        no_backend_within(wait_timeout),
        "no backend became free: all " + std::to_string(open) + " are in use",
        "Raise the pool's max, or look for transactions that stay open and for pinned sessions, "
        "which cannot share their backend.");
}

failure refuse_after_attempts(unsigned attempts, const failure& cause) {
    return cannot_connect_now(
        "no backend could be had: gave up after " + std::to_string(attempts) +
            (attempts == 1 ? " attempt" : " attempts"),
        in_detail(cause),
        hint_of(cause, "The database could not be reached. Try again later, or raise attempts."));
}

failure refuse_by_breaker(milliseconds open_for, const failure* cause) {
    return cannot_connect_now(
        "the database is not available, and requests are not queued for now",
        cause ? in_detail(*cause) : unanswered,
        "Too many requests have waited in vain. The database is tried again after " +
            in_words(open_for) + ".");
}

}  // namespace pgballast::pool
