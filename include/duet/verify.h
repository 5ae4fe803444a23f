// verify and find_nan: whether a function computes what its callable does, and where a NaN comes from.
#pragma once

#include <duet/function.h>

#include <memory>
#include <string>
#include <type_traits>

namespace duet {

/// Whether the plain call, its trace on the eager kernels and its native code give the same bits, and where not: f is a
/// function or any callable with one signature. Throws what tracing throws.
template <class F, class... A>
Verification verify(const F& f, const A&... arguments) {
  if constexpr (requires { f.verify(arguments...); })
    return f.verify(arguments...);
  else
    return function<internal::SignatureOf<F>>(f, {.name = "verify"}).verify(arguments...);
}

/// What find_nan found.
struct NanReport {
  bool found = false;
  std::string op;    ///< that made it: NaN of operands without NaN, or infinity of finite operands
  std::string line;  ///< of user code: `model.cpp:12`
  std::string text;  ///< in words, with the element
};

namespace internal {

/// While it lives, looks at the result of every op that runs on this thread. Functions run plainly.
class NanSearch {
 public:
  NanSearch();
  ~NanSearch();
  NanSearch(const NanSearch&) = delete;
  NanSearch& operator=(const NanSearch&) = delete;
  NanReport report() const;

 private:
  class Watcher;
  Eager eager_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace internal

/// Calls f plainly, with its effects, and names the first op that made a NaN or an infinity. Throws what f throws.
template <class F, class... A>
NanReport find_nan(F&& f, const A&... arguments) {
  const auto tensor = []<class U>(const U& value) -> decltype(auto) {
    if constexpr (std::is_arithmetic_v<U>)
      return Arg(value).value();  // as a function takes it
    else
      return (value);
  };
  const internal::NanSearch search;
  if constexpr (std::is_invocable_v<F&, const A&...>)
    f(arguments...);
  else
    f(tensor(arguments)...);
  return search.report();
}

}  // namespace duet
