// Configuration files, in an environment without variables.
#include <optional>
#include <string>

#include "fuzz.hpp"
#include "pgballast/config/yaml.hpp"

using namespace pgballast;
using fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::input(data, size);
    // These keys read the file they name, and the machine is full of files.
    if (text.find("_file") != std::string_view::npos)
        return 0;

    const config::environment empty = [](const std::string&) -> std::optional<std::string> {
        return std::nullopt;
    };
    const auto settings = config::parse_yaml(text, "fuzz.yaml", empty);
    if (settings)
        return 0;
    const auto& errors = settings.error();
    require(!errors.empty() && errors.size() <= config::errors_max);
    for (const auto& error : errors) {
        require(!error.message.empty());
        require(to_string(error).find('\n') == std::string::npos);
    }
    return 0;
}
