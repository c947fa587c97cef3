#include "uring_ring.hpp"

#include <algorithm>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>

namespace pgballast::net {
namespace {

boost::system::error_code error_of(int result) noexcept {
    return {-result, boost::system::system_category()};
}

}  // namespace

boost::system::error_code uring_ring::open() {
    // Disabled: the thread that enables it becomes the single issuer.
    constexpr unsigned common = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP |
                                IORING_SETUP_R_DISABLED;
    constexpr unsigned wished[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,  // Linux 6.1
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,    // Linux 5.19
    };
    int result = 0;
    for (const unsigned wish : wished) {
        io_uring_params how{};
        how.flags = common | wish;
        how.cq_entries = completions_max;
        result = io_uring_queue_init_params(submissions_max, &ring_, &how);
        if (result != -EINVAL)
            break;
    }
    open_ = result == 0;
    return open_ ? boost::system::error_code{} : error_of(result);
}

uring_ring::~uring_ring() {
    if (open_)
        io_uring_queue_exit(&ring_);
}

void uring_ring::enable() {
    enabled_ = true;
    // liburing 2.3 declares io_uring_enable_rings but does not export it.
    const int result = io_uring_register(static_cast<unsigned>(ring_.ring_fd),
                                         IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    if (result < 0)
        throw boost::system::system_error{error_of(result), "io_uring_register"};
    // Saves a look-up of the ring's descriptor in each enter; where it fails, nothing is lost.
    io_uring_register_ring_fd(&ring_);
}

io_uring_sqe& uring_ring::prepare() {
    auto* entry = io_uring_get_sqe(&ring_);
    if (!entry) {
        enter(0, {});
        entry = io_uring_get_sqe(&ring_);
    }
    if (!entry)  // the kernel is out of memory
        throw boost::system::system_error{error_of(-EAGAIN), "io_uring submission"};
    return *entry;
}

/// Shows the kernel the entries prepared so far; returns how many it has to take.
/// io_uring_submit_and_wait_timeout does this as well, but waits a second time when a
/// wait that also submitted has timed out.
unsigned uring_ring::publish() noexcept {
    auto& queue = ring_.sq;
    queue.sqe_head = queue.sqe_tail;
    io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
    return queue.sqe_tail - io_uring_smp_load_acquire(queue.khead);
}

void uring_ring::enter(unsigned wait_count, std::chrono::milliseconds timeout) {
    if (!enabled_)
        enable();

    __kernel_timespec limit{timeout.count() / 1000, timeout.count() % 1000 * 1'000'000};
    io_uring_getevents_arg how{};
    how.sigmask_sz = _NSIG / 8;
    how.ts = reinterpret_cast<std::uintptr_t>(&limit);
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    if (ring_.enter_ring_fd != ring_.ring_fd)
        flags |= IORING_ENTER_REGISTERED_RING;

    const int result =
        io_uring_enter2(static_cast<unsigned>(ring_.enter_ring_fd), publish(), wait_count, flags,
                        reinterpret_cast<sigset_t*>(&how), sizeof how);
    // Busy: completions have to be taken first. The others end a wait.
    const bool harmless = result >= 0 || result == -ETIME || result == -EINTR ||
                          result == -EAGAIN || result == -EBUSY;
    if (!harmless)
        throw boost::system::system_error{error_of(result), "io_uring_enter"};
}

std::size_t uring_ring::take(std::span<completion> into) noexcept {
    const auto count = std::min<std::size_t>(completed(), into.size());
    const auto& queue = ring_.cq;
    const unsigned first = *queue.khead;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& entry = queue.cqes[(first + i) & queue.ring_mask];
        into[i] = {entry.user_data, entry.res, entry.flags};
    }
    io_uring_cq_advance(&ring_, static_cast<unsigned>(count));
    return count;
}

}  // namespace pgballast::net
