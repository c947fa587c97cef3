#include "pgballast/auth/md5.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cassert>
#include <optional>

namespace pgballast::auth {
namespace {

std::optional<std::string> md5_hex(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr) != 1)
        return std::nullopt;

    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        hex.push_back(digits[digest[i] >> 4]);
        hex.push_back(digits[digest[i] & 15]);
    }
    return hex;
}

boost::system::result<std::string> answer_to(std::string_view secret, std::string_view salt) {
    std::string text;
    text.reserve(secret.size() + salt.size());
    text.append(secret).append(salt);
    const auto answer = md5_hex(text);
    OPENSSL_cleanse(text.data(), text.size());
    if (!answer)
        return make_error_code(errc::md5_unavailable);
    return "md5" + *answer;
}

}  // namespace

boost::system::result<std::string> md5_response(std::string_view user, std::string_view password,
                                                std::string_view salt) {
    assert(salt.size() == 4);
    std::string text;
    text.reserve(password.size() + user.size());  // so that no copy is left behind
    text.append(password).append(user);
    auto secret = md5_hex(text);  // what the server keeps: as good as the password
    OPENSSL_cleanse(text.data(), text.size());
    if (!secret)
        return make_error_code(errc::md5_unavailable);
    auto answer = answer_to(*secret, salt);
    OPENSSL_cleanse(secret->data(), secret->size());
    return answer;
}

boost::system::result<std::string> md5_response(std::string_view stored, std::string_view salt) {
    assert(stored.starts_with("md5"));
    return answer_to(stored.substr(3), salt);
}

}  // namespace pgballast::auth
