// Names whose meaning changes with requests that have not been answered yet.
// PostgreSQL protocol 3.0, "Extended Query" and "Pipelining".
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

namespace pgballast::session {

/// Whether a name means something to the message that is sent next.
enum class standing {
    absent,
    present,
    unsettled,  // what was sent before the last Sync decides, and has not been answered yet
};

/// A map in which a change is certain only when the server has said so. An error makes the
/// server skip all that was sent behind it, up to the next Sync: these changes never
/// happen. What is sent up to that Sync may rely on them all the same, for it is skipped
/// with them.
///
/// What lies between two Syncs is a segment. A simple query ends none, and neither its
/// error nor its ReadyForQuery is told here. Every change under way is owed a reply, so
/// `expected_replies::max` bounds them.
///
/// `Note` is whatever its owner keeps with a name for as long as the name is known.
template <class Value, class Note = std::monostate>
class tentative_map {
 public:
    class entry {
     public:
        Note note{};

        /// What the name means when all goes well.
        const std::optional<Value>& outlook() const noexcept {
            return under_way_ != 0 ? becomes_ : certain_;
        }

     private:
        friend tentative_map;

        std::optional<Value> certain_;
        std::optional<Value> becomes_;  // by the youngest change under way
        std::uint64_t segment_ = 0;     // of that change
        std::size_t under_way_ = 0;     // changes of this name
        bool doubted_ = false;
    };

    using named_entry = std::pair<const std::string, entry>;

    struct meaning {
        session::standing standing = standing::absent;
        const Value* value = nullptr;  // when all goes well; it lives until the next change
    };

    meaning look_up(std::string_view name) const {
        const auto found = names_.find(name);
        if (found == names_.end())
            return {};
        const auto& known = found->second;
        const auto* value = known.outlook() ? &*known.outlook() : nullptr;
        if (known.under_way_ != 0 ? known.segment_ != sent_ : known.doubted_)
            return {standing::unsettled, value};
        return {value ? standing::present : standing::absent, value};
    }

    /// Null where nothing is known of the name, not even that it may come.
    named_entry* find(std::string_view name) {
        const auto found = names_.find(name);
        return found == names_.end() ? nullptr : &*found;
    }

    /// A name with such a value, when all goes well.
    template <class Predicate>
    std::optional<std::string> find_name(Predicate holds) const {
        for (const auto& [name, known] : names_)
            if (known.outlook() && holds(*known.outlook()))
                return name;
        return std::nullopt;
    }

    bool is_changing(std::string_view name) const {
        const auto found = names_.find(name);
        return found != names_.end() && found->second.under_way_ != 0;
    }

    /// A message was sent that gives the name a value, or takes it away. Not while the
    /// server skips: nothing comes of it then.
    named_entry& send(std::string_view name, std::optional<Value> value) {
        assert(!skipping_);
        auto found = names_.find(name);
        if (found == names_.end())
            found = names_.try_emplace(std::string{name}).first;
        changes_.push_back({&*found, value, sent_});
        alter(*found, [&](entry& known) {
            known.becomes_ = std::move(value);
            known.segment_ = sent_;
            ++known.under_way_;
        });
        return *found;
    }

    /// A message was sent that is answered like a change, and changes no name here.
    void send_other() {
        if (!skipping_)
            changes_.push_back({nullptr, {}, sent_});
    }

    /// The oldest change has been answered with success.
    void done() {
        assert(!changes_.empty());
        auto& oldest = changes_.front();
        answered_ = std::max(answered_, oldest.segment);  // replies come in order
        if (oldest.of)
            alter(*oldest.of, [&](entry& known) {
                known.certain_ = std::move(oldest.becomes);
                known.doubted_ = false;
                --known.under_way_;
            });
        changes_.pop_front();
    }

    /// A message of the extended protocol was answered by an error.
    void failed() {
        drop_segment();
        skipping_ = answered_ == sent_;
    }

    void sync_sent() noexcept {
        ++sent_;
        skipping_ = false;
    }

    /// The ReadyForQuery of a Sync has come; or the server has passed over a Sync, because it
    /// was copying in. That is told as soon as it is known, which is before the next reply.
    void sync_done() {
        drop_segment();  // nobody answers these any more
        if (answered_ != sent_)
            ++answered_;
    }

    /// Whether the names are there is not known any more, each until its next change is done.
    void doubt_all() {
        for (auto& [name, known] : names_)
            known.doubted_ = true;
    }

    /// Those of the names the predicate holds for are gone. What is under way was sent
    /// behind whatever took them away, and stays.
    template <class Predicate>
    void forget_if(Predicate holds) {
        for (auto at = names_.begin(); at != names_.end();) {
            auto& one = *at++;
            if (holds(std::string_view{one.first}))
                alter(one, [](entry& known) { known.certain_.reset(); });
        }
    }

    void forget(std::string_view name) {
        if (auto* known = find(name))
            alter(*known, [](entry& one) { one.certain_.reset(); });
    }

    /// The server is gone, and with it all that was under way.
    void drop_changes() {
        while (!changes_.empty())
            drop_change();
        sent_ = answered_ = 0;
        skipping_ = false;
    }

    /// Names that are there when all goes well.
    std::size_t size() const noexcept { return size_; }

    /// The server skips what is sent, until the next Sync.
    bool skipping() const noexcept { return skipping_; }

    /// Of what is sent now.
    std::uint64_t segment() const noexcept { return sent_; }

    /// Its Sync has been answered.
    bool is_answered(std::uint64_t segment) const noexcept { return segment < answered_; }

 private:
    struct hash : std::hash<std::string_view> {
        using is_transparent = void;
    };

    struct change {
        named_entry* of;  // null: of none
        std::optional<Value> becomes;
        std::uint64_t segment;
    };

    template <class Action>
    void alter(named_entry& one, Action action) {
        auto& known = one.second;
        size_ -= known.outlook() ? 1 : 0;
        action(known);
        size_ += known.outlook() ? 1 : 0;
        if (known.under_way_ == 0 && !known.certain_)
            names_.erase(names_.find(one.first));
    }

    void drop_change() {
        auto* of = changes_.front().of;
        changes_.pop_front();
        if (of)
            alter(*of, [](entry& known) { --known.under_way_; });
    }

    /// The one whose replies are due.
    void drop_segment() {
        while (!changes_.empty() && changes_.front().segment <= answered_)
            drop_change();
    }

    std::unordered_map<std::string, entry, hash, std::equal_to<>> names_;
    std::list<change> changes_;   // under way, in the order they were sent
    std::size_t size_ = 0;        // names with an outlook
    std::uint64_t sent_ = 0;      // Syncs
    std::uint64_t answered_ = 0;  // of these
    bool skipping_ = false;
};

}  // namespace pgballast::session
