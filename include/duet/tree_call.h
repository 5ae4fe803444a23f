// TreeCall: a call of a callable, taken apart into the tensors of its arguments, so that code which is no template can
// run it on others: what grad, vmap and the like are made of.
#pragma once

#include <duet/signature.h>
#include <duet/tree.h>

#include <array>
#include <tuple>
#include <type_traits>
#include <utility>

namespace duet::internal {

/// Runs a call on these leaves and takes apart what it returns.
using RunLeaves = void (*)(void* call, const Tensor* leaves, FlatResults& results);

/// Numbers and enums go into a call as they are; everything else is a tree of tensors.
template <class P>
inline constexpr bool kIsTree =
    !std::is_arithmetic_v<std::remove_cvref_t<P>> && !std::is_enum_v<std::remove_cvref_t<P>>;

/// The result of f for these leaves in place of those of the arguments whose place in `Trees` is true.
template <class F, class R, class Trees, class... P>
class TreeCall;
template <class F, class R, bool... kTrees, class... P>
class TreeCall<F, R, std::integer_sequence<bool, kTrees...>, P...> {
  template <bool kTree, class A>
  using Held = std::conditional_t<kTree, const std::remove_cvref_t<A>, std::remove_reference_t<A>>;

 public:
  TreeCall(F& f, Held<kTrees, P>&... arguments) : f_(f), arguments_{&arguments...} {
    std::size_t i = 0;
    ((counts_[i++] = Add<kTrees>(arguments)), ...);
  }
  TreeCall(const TreeCall&) = delete;
  TreeCall& operator=(const TreeCall&) = delete;

  const FlatArguments& flat() const { return flat_; }
  /// How many leaves each argument has.
  const int* counts() const { return counts_.data(); }
  void* self() const { return const_cast<TreeCall*>(this); }

  static void Run(void* self, const Tensor* leaves, FlatResults& results) {
    TreeCall& call = *static_cast<TreeCall*>(self);
    static_assert(!std::is_void_v<R>, "the function returns nothing: transforms want a tensor, or a tree of them");
    Reader reader{leaves, nullptr};
    call.RunOn(reader, results, std::index_sequence_for<P...>());
  }

 private:
  template <bool kTree, class A>
  int Add(const A& argument) {
    const int before = flat_.tensor_count;
    if constexpr (kTree) Tree<std::remove_cv_t<A>>::Flatten(argument, flat_);
    return flat_.tensor_count - before;
  }
  template <bool kTree, class A>
  static decltype(auto) Replaced(A& argument, Reader& reader) {
    if constexpr (kTree)
      return std::remove_cv_t<A>(Tree<std::remove_cv_t<A>>::Replace(argument, reader));
    else
      return (argument);
  }
  template <std::size_t... I>
  void RunOn(Reader& reader, FlatResults& results, std::index_sequence<I...>) {
    // A braced list: leaves are taken from left to right.
    std::tuple<std::conditional_t<kTrees, std::remove_cvref_t<P>, std::remove_reference_t<P>&>...> replaced{
        Replaced<kTrees>(*std::get<I>(arguments_), reader)...};
    Tree<std::decay_t<R>>::Flatten(f_(std::get<I>(replaced)...), results);
  }

  F& f_;
  std::tuple<Held<kTrees, P>*...> arguments_;
  FlatArguments flat_;
  std::array<int, sizeof...(P) == 0 ? 1 : sizeof...(P)> counts_{};
};

template <class F, class S>
struct TreeCallOf;
template <class F, class R, class... P>
struct TreeCallOf<F, R(P...)> {
  using Type = TreeCall<F, R, std::integer_sequence<bool, kIsTree<P>...>, P...>;
};

}  // namespace duet::internal
