#include "uring_probe.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <fstream>

#include "unique_fd.hpp"
#include "uring_buffers.hpp"
#include "uring_ring.hpp"

namespace pgballast::net {
namespace {

using boost::system::error_code;

error_code system_errno(int error) {
    return {error, boost::system::system_category()};
}

std::string why_no_ring(error_code error) {
    if (error.value() == ENOSYS)
        return "the kernel has no io_uring, or a seccomp filter hides it";
    if (error.value() == EPERM || error.value() == EACCES) {
        int disabled = 0;
        if (std::ifstream{"/proc/sys/kernel/io_uring_disabled"} >> disabled && disabled > 0)
            return "the sysctl kernel.io_uring_disabled is " + std::to_string(disabled);
        return "a seccomp filter or a security module forbids io_uring";
    }
    if (error.value() == ENOMEM)
        return "no memory for an io_uring (see the limit of locked memory)";
    if (error.value() == EINVAL)
        return "the kernel's io_uring is too old (Linux 6.0 is needed)";
    return "io_uring cannot be set up: " + error.message();
}

/// Runs one operation of each kind that the engine uses.
class trial {
 public:
    uring_obstacle run() {
        if (const auto error = ring_.open())
            return {error, why_no_ring(error)};
        if (const auto error = buffers_.open(ring_.raw()))
            return {error,
                    "the kernel has no provided buffer rings (Linux 5.19): " + error.message()};
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
            return {system_errno(errno), "no sockets to try io_uring with"};
        near_ = unique_fd{pair[0]};
        far_ = unique_fd{pair[1]};

        // Twice: the receive has to go on after the first.
        receive();
        for (int round = 0; round < 2; ++round) {
            const int result = send_and_receive();
            if (result < 0)
                return {system_errno(-result), "the kernel has no multishot receive (Linux 6.0): " +
                                                   system_errno(-result).message()};
        }
        return {};
    }

 private:
    static constexpr std::uint64_t receiving = 1;
    static constexpr std::uint64_t sending = 2;
    static constexpr std::chrono::milliseconds patience{1000};

    void receive() {
        auto& entry = ring_.prepare();
        io_uring_prep_recv_multishot(&entry, near_.get(), nullptr, 0, 0);
        entry.flags |= IOSQE_BUFFER_SELECT;
        entry.buf_group = uring_buffers::group;
        entry.user_data = receiving;
    }

    /// 0, or minus an errno.
    int send_and_receive() {
        auto& entry = ring_.prepare();
        io_uring_prep_send(&entry, far_.get(), "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        entry.user_data = sending;
        ring_.enter(2, patience);

        std::array<completion, 4> done;
        const auto count = ring_.take(done);
        bool received = false;
        for (std::size_t i = 0; i < count; ++i) {
            if (done[i].result < 0)
                return done[i].result;
            received |= done[i].user_data == receiving && done[i].result == 1 &&
                        (done[i].flags & IORING_CQE_F_MORE);
        }
        return received ? 0 : -EOPNOTSUPP;
    }

    slab memory_;
    uring_buffers buffers_{memory_};
    uring_ring ring_;
    unique_fd near_;
    unique_fd far_;
};

}  // namespace

uring_obstacle probe_uring() {
    try {
        return trial{}.run();
    } catch (const boost::system::system_error& failure) {
        return {failure.code(), std::string{"io_uring fails: "} + failure.what()};
    }
}

}  // namespace pgballast::net
