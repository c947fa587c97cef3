#include "pgballast/config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

namespace pgballast::config {
namespace {

unsigned line_of(const YAML::Mark& mark) {
    return static_cast<unsigned>(mark.line + 1);
}

/// Builds the tree from the parser's events, and leaves the parser by its own
/// exception when one may not stand.
class tree_builder final : public YAML::EventHandler {
 public:
    node take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        place(mark, anchor, {node::kind::null, line_of(mark), {}, {}});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  const std::string& value) override {
        place(mark, anchor, {node::kind::scalar, line_of(mark), value, {}});
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, anchor, node::kind::sequence);
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, anchor, node::kind::map);
    }
    void OnMapEnd() override { open_.pop_back(); }

 private:
    struct pending_key {
        std::string text;
        unsigned line;
    };

    [[noreturn]] static void refuse_anchor(const YAML::Mark& mark) {
        throw YAML::ParserException(mark,
                                    "anchors and aliases (& and *) are not accepted; "
                                    "a value that begins so is written in quotes");
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, node::kind kind) {
        if (open_.size() == document_depth_max)
            throw YAML::ParserException(mark, "nested too deeply");
        open_.push_back(place(mark, anchor, {kind, line_of(mark), {}, {}}));
    }

    /// Returns where the node now is, or null if it was a key. The address holds until
    /// the parent gets its next entry, which is after the node has been closed.
    node* place(const YAML::Mark& mark, YAML::anchor_t anchor, node value) {
        if (anchor != 0)
            refuse_anchor(mark);
        if (open_.empty())
            return &(root_ = std::move(value));

        auto& parent = *open_.back();
        if (parent.type == node::kind::map && !key_) {
            if (value.type != node::kind::scalar)
                throw YAML::ParserException(mark, "expected a plain word as the key");
            key_ = pending_key{std::move(value.text), value.line};
            return nullptr;
        }
        auto key = key_ ? std::move(*key_) : pending_key{{}, value.line};
        key_.reset();
        parent.entries.push_back({std::move(key.text), key.line, std::move(value)});
        return &parent.entries.back().value;
    }

    node root_;
    std::vector<node*> open_;
    std::optional<pending_key> key_;
};

config_error error_on_line(unsigned line, std::string message) {
    return {.file = {}, .line = line, .key = {}, .message = std::move(message)};
}

/// A `${NAME}` inside `{ }` or `[ ]` ends the flow for YAML, which then says something else.
std::string_view flow_hint(std::string_view text, unsigned line) {
    for (; line > 1 && !text.empty(); --line)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const auto whole = text.substr(0, text.find('\n'));
    const bool in_flow =
        whole.find("${") != whole.npos && whole.find_first_of("[{") < whole.find("${");
    return in_flow ? " (inside { } or [ ] a \"${NAME}\" needs quotes)" : "";
}

}  // namespace

boost::system::result<node, config_error> parse_document(std::string_view text) {
    if (text.size() > document_size_max)
        return error_on_line(0, "larger than 1 MiB");
    if (text.find('\0') != text.npos)
        return error_on_line(0, "holds a zero byte: not a text file");

    std::istringstream in{std::string{text}};
    tree_builder builder;
    try {
        YAML::Parser parser{in};
        if (!parser.HandleNextDocument(builder))
            return node{};
        auto root = builder.take();
        tree_builder second;
        if (parser.HandleNextDocument(second))
            return error_on_line(second.take().line, "a second document; expected only one");
        return root;
    } catch (const YAML::Exception& error) {
        const auto line = error.mark.is_null() ? 0 : line_of(error.mark);
        return error_on_line(line, error.msg + std::string{flow_hint(text, line)});
    }
}

}  // namespace pgballast::config
