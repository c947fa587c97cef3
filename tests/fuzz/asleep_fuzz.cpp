// Requests that may be answered without a server: each answer is one to the whole of a
// request, and what is answered once is answered the same with anything behind it.
#include "fuzz.hpp"
#include "pgballast/session/asleep.hpp"

using namespace pgballast;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const wire::bytes in{reinterpret_cast<const char*>(data), size};
    const auto answer = session::answer_without_server(in);
    if (!answer)
        return 0;
    require(answer->used <= in.size() && !answer->to.empty());
    require(answer->reply.ends_with(wire::bytes{"Z\0\0\0\5I", 6}));
    const auto alone = session::answer_without_server(in.substr(0, answer->used));
    require(alone && alone->reply == answer->reply && alone->used == answer->used);
    require(!session::answer_without_server(in.substr(0, answer->used - 1)));
    return 0;
}
