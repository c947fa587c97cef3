#include "tls_bio.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace pgballast::net {
namespace {

tls_wire& wire_of(BIO* bio) noexcept {
    return *static_cast<tls_wire*>(BIO_get_data(bio));
}

int read(BIO* bio, char* out, std::size_t size, std::size_t* done) noexcept {
    auto& in = wire_of(bio).in;
    BIO_clear_retry_flags(bio);
    *done = std::min(size, in.size());
    if (*done == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    std::memcpy(out, in.data(), *done);
    in.remove_prefix(*done);
    return 1;
}

int write(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
    const auto* out = wire_of(bio).out;
    assert(out);
    (*out)({data, size});
    *done = size;
    return 1;
}

long control(BIO*, int command, long, void*) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* make_method() noexcept {
    auto* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgballast tls_wire");
    if (!method)
        return nullptr;
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
}

}  // namespace

BIO* make_tls_bio(tls_wire& wire) noexcept {
    static const BIO_METHOD* const method = make_method();  // lives as long as the process
    auto* bio = method ? BIO_new(method) : nullptr;
    if (bio) {
        BIO_set_data(bio, &wire);
        BIO_set_init(bio, 1);
    }
    return bio;
}

}  // namespace pgballast::net
