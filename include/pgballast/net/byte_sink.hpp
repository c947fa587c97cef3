// Where a filter puts what it has produced.
#pragma once

#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pgballast::net {

using bytes = std::string_view;

/// Any callable that takes `bytes`, by reference: two pointers, no allocation, for
/// the calls of a relay that happen for every record. It must outlive the call it
/// is given to, which a lambda written as the argument does. The bytes it is handed
/// are good during its call only.
class byte_sink {
 public:
    template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, byte_sink> && std::invocable<F&, bytes>)
        byte_sink(F&& callable)
    noexcept  // implicit: a lambda is what callers write
        : object_{const_cast<void*>(static_cast<const void*>(std::addressof(callable)))},
          call_{[](void* object, bytes data) {
              (*static_cast<std::remove_reference_t<F>*>(object))(data);
          }} {}

    void operator()(bytes data) const { call_(object_, data); }

 private:
    void* object_;
    void (*call_)(void*, bytes);
};

}  // namespace pgballast::net
