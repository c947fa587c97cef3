#include "files.hpp"
#include "yaml_sections.hpp"

namespace pgballast::config::detail {
namespace {

/// The file that a key names, relative to the configuration's own.
std::filesystem::path read_path(section& in, std::string_view key) {
    const auto name = in.read_text(key);
    if (!name || name->empty())
        return {};
    return secret_path(*name, in.file().file, in.file().env);
}

}  // namespace

client_tls_settings read_client_tls(section in) {
    client_tls_settings out;
    out.cert = read_path(in, "cert");
    out.key = read_path(in, "key");
    out.ca = read_path(in, "ca");
    out.mode = out.cert.empty() ? sslmode::disable : sslmode::prefer;
    in.read("mode", out.mode);
    in.reject_unknown_keys();

    if (out.mode == sslmode::allow)
        in.error("mode",
                 "found \"allow\", expected disable, prefer, require, verify-ca or "
                 "verify-full: it is the client who chooses");
    if (out.mode != sslmode::disable && out.cert.empty())
        in.error("cert", "missing, expected a file with our certificate (PEM)");
    if (out.mode >= sslmode::verify_ca && out.ca.empty())
        in.error("ca", "missing, expected a file with the authorities of clients' certificates");
    return out;
}

}  // namespace pgballast::config::detail
