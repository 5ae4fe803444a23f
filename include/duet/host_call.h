// host_call: C++ code of yours as part of the program: called with concrete tensors each time a function runs.
#pragma once

#include <duet/spec.h>
#include <duet/tree_call.h>

#include <functional>
#include <initializer_list>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// What a host_call returns: a Spec for each tensor of the result, in order; none for a callable that returns nothing.
/// And the line of the call.
struct HostResults {
  std::vector<Spec> specs;
  SourceLocation line;

  HostResults(SourceLocation at = SourceLocation::current()) : line(at) {}
  HostResults(Spec one, SourceLocation at = SourceLocation::current()) : specs{std::move(one)}, line(at) {}
  HostResults(std::initializer_list<Spec> list, SourceLocation at = SourceLocation::current())
      : specs(list), line(at) {}
  HostResults(std::vector<Spec> list, SourceLocation at = SourceLocation::current())
      : specs(std::move(list)), line(at) {}
};

namespace internal {

using HostFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
std::vector<Tensor> HostCall(HostFunction function, const HostResults& results, const FlatArguments& arguments);
/// Throws ValueError unless there are as many specs as tensors.
void CheckHostResults(const HostResults& results, int tensors);

/// How many tensors a result has; -1: as many as there are Specs; -2: that is not known before the call.
template <class T>
inline constexpr int kHostResults = -2;
template <>
inline constexpr int kHostResults<void> = 0;
template <>
inline constexpr int kHostResults<Tensor> = 1;
template <>
inline constexpr int kHostResults<std::vector<Tensor>> = -1;
template <class... T>
inline constexpr int kHostResults<std::tuple<T...>> =
    ((kHostResults<T> >= 0) && ...) ? (0 + ... + kHostResults<T>) : -2;
template <class A, class B>
inline constexpr int kHostResults<std::pair<A, B>> = kHostResults<std::tuple<A, B>>;
template <class T, std::size_t N>
inline constexpr int kHostResults<std::array<T, N>> = kHostResults<T> >= 0 ? static_cast<int>(N) * kHostResults<T> : -2;
template <class S, class... M>
constexpr int CountHostResults(const Members<S, M...>&) {
  return kHostResults<std::tuple<M...>>;
}
template <IsRegistered S>
inline constexpr int kHostResults<S> = CountHostResults(Tree<S>::kMembers);

/// What an argument is for a parameter: numbers and Variables become tensors.
template <class P, class A>
decltype(auto) HostArgument(const A& argument, SourceLocation line) {
  if constexpr (std::is_same_v<P, Tensor>)
    return Arg(argument, line).value();
  else
    return static_cast<const P&>(argument);
}

template <class F, class S>
struct HostCaller;
template <class F, class R, class... P>
struct HostCaller<F, R(P...)> {
  using Result = std::decay_t<R>;
  static_assert((kIsTree<P> && ...),
                "the parameters of a host_call's callable are tensors or trees of them: take a Tensor, its data is "
                "there (item, span)");
  static_assert(kHostResults<Result> > -2,
                "a host_call's callable returns nothing, a Tensor, tuples, pairs, arrays and DUET_STRUCTs of them, or "
                "a vector of Tensors");

  static HostFunction OnLeaves(F f, std::tuple<std::remove_cvref_t<P>...> arguments) {
    return [f = std::move(f), arguments = std::move(arguments)](std::span<const Tensor> leaves) mutable {
      Reader reader(leaves.data());
      const auto replaced = std::apply(
          [&](const auto&... items) {
            return std::tuple<std::remove_cvref_t<P>...>{Tree<std::remove_cvref_t<P>>::Replace(items, reader)...};
          },
          arguments);
      FlatResults flat;
      if constexpr (std::is_void_v<R>)
        std::apply(f, replaced);
      else
        Tree<Result>::Flatten(std::apply(f, replaced), flat);
      return std::move(flat.tensors);
    };
  }

  template <class... A>
  static Result Call(F f, const HostResults& results, const A&... given) {
    static_assert(sizeof...(A) == sizeof...(P), "a host_call takes one argument for each parameter of its callable");
    std::tuple<std::remove_cvref_t<P>...> arguments{HostArgument<std::remove_cvref_t<P>>(given, results.line)...};
    if constexpr (kHostResults<Result> >= 0) CheckHostResults(results, kHostResults<Result>);
    FlatArguments flat;
    std::apply([&](const auto&... items) { (Tree<std::remove_cvref_t<P>>::Flatten(items, flat), ...); }, arguments);
    FlatResults restored;
    restored.tensors = HostCall(OnLeaves(std::move(f), arguments), results, flat);
    if constexpr (kHostResults<Result> == -1) restored.AddCount(restored.tensors.size());
    return RestoreResult<Result>(restored);
  }
};

}  // namespace internal

/// Calls f(arguments...) with concrete tensors every time the program gets there, in order with the other effects: in
/// plain code, evaluated and native functions alike, never while tracing. f is kept as long as the graph that calls it
/// and may be called from any thread that calls the function. Arguments are tensors, numbers, or trees of tensors;
/// the result is f's: nothing, a Tensor, tuples, pairs, arrays and structs of them, or a vector of Tensors. `results`
/// says its types beforehand: `Spec{f32, {3}}`, `{Spec{i64}, Spec{f32, {3}}}`, or `{}` for none.
///
/// Throws what f throws, as it is. Throws DTypeError, ShapeError or ValueError when a result is not what its Spec says,
/// ValueError in a derivative of a result: give one with custom_gradient, or stop_gradient. vmap calls f once per
/// example.
template <class F, class... A>
auto host_call(F f, const HostResults& results, const A&... arguments) {
  return internal::HostCaller<F, internal::SignatureOf<F>>::Call(std::move(f), results, arguments...);
}

}  // namespace duet
