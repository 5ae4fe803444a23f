// Control flow: the same lambdas run as plain C++ when eager and as native branches and loops when traced. State is any
// tree: a Tensor, tuples, pairs, arrays, vectors of them. Lambdas use values only: a tensor or Variable captured from
// outside is read, a Variable may be assigned. Gradients go through all of them.
#pragma once

#include <duet/tree.h>

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

struct WhileOptions {
  std::int64_t maximum_iterations = -1;  ///< negative: no bound
};
struct ScanOptions {
  bool reverse = false;  ///< from the last index to the first; outputs keep their index
  Dim length = -1;       ///< iterations; needed only when nothing is scanned
  /// Above 1: a gradient keeps the carries of every so many iterations only, and computes those between again. About
  /// the square root of the iterations takes the least memory. The same bits.
  std::int64_t checkpoint_every = 0;
};

namespace internal {

using Leaves = std::vector<Tensor>;
using LeafFunction = std::function<Leaves(const Leaves&)>;

Leaves RunCond(const Arg& choice, const std::vector<LeafFunction>& branches, const char* name, SourceLocation line);
Leaves RunWhileLoop(const LeafFunction& condition, const LeafFunction& body, Leaves state, const WhileOptions& options,
                    SourceLocation line);
/// body takes the index and the state.
Leaves RunForiLoop(const Arg& lower, const Arg& upper, const LeafFunction& body, Leaves state, SourceLocation line);
/// body takes carries and slices and returns carries and outputs; so does this, the outputs stacked. `name`: scan, map
/// or fold, for errors.
Leaves RunScan(const char* name, const LeafFunction& body, Leaves carries, const Leaves& xs, const ScanOptions& options,
               SourceLocation line);
[[noreturn]] void ThrowOtherStructure(const char* name, SourceLocation line);

/// What a number, a Variable or a tree of them is as state: Tensors.
template <class T>
auto AsState(const T& value, SourceLocation line) {
  if constexpr (std::is_arithmetic_v<T>)
    return Arg(value, line).value();
  else if constexpr (std::is_same_v<T, Variable>)
    return value.value(line);
  else
    return value;
}
template <class... T>
auto AsState(const std::tuple<T...>& values, SourceLocation line) {
  return std::apply([&](const auto&... items) { return std::tuple{AsState(items, line)...}; }, values);
}
template <class A, class B>
auto AsState(const std::pair<A, B>& values, SourceLocation line) {
  return std::pair{AsState(values.first, line), AsState(values.second, line)};
}

/// A tree type and what it holds beside tensors, once one was seen: that stays the same.
template <class T>
class Packing {
 public:
  Packing(const char* name, SourceLocation line) : name_(name), line_(line) {}

  Leaves Pack(const T& tree) {
    FlatResults flat;
    Tree<T>::Flatten(tree, flat);
    Leaves leaves = std::exchange(flat.tensors, {});
    if (!seen_)
      rest_ = std::move(flat);
    else if (rest_.structure != flat.structure || rest_.statics != flat.statics)
      ThrowOtherStructure(name_, line_);
    seen_ = true;
    count_ = leaves.size();
    return leaves;
  }
  T Unpack(const Tensor* leaves) const {
    Reader reader(rest_);
    reader.next_tensor = leaves;
    return Tree<T>::Restore(reader);
  }
  std::size_t count() const { return count_; }

 private:
  const char* name_;
  SourceLocation line_;
  bool seen_ = false;
  std::size_t count_ = 0;
  FlatResults rest_;  ///< all but the tensors
};

/// f(before..., state), a tuple spread over f's parameters where f takes them so.
template <class F, class State, class... Before>
decltype(auto) CallWithState(F& f, const State& state, const Before&... before) {
  if constexpr (std::is_invocable_v<F&, const Before&..., const State&>)
    return f(before..., state);
  else
    return std::apply([&](const auto&... items) -> decltype(auto) { return f(before..., items...); }, state);
}

template <class F, class... Items>
constexpr bool TakesItems(std::tuple<Items...>*) {
  return std::is_invocable_v<F, Items...>;
}
/// Whether CallWithState has an f to call.
template <class F, class State, class... Before>
constexpr bool TakesState() {
  if constexpr (std::is_invocable_v<F&, const Before&..., const State&>)
    return true;
  else if constexpr (requires(const State& state) { std::tuple_cat(state); })
    return TakesItems<F&>(
        static_cast<decltype(std::tuple_cat(std::declval<std::tuple<Before...>>(), std::declval<const State&>()))*>(
            nullptr));
  else
    return false;
}

template <class T>
using StateOf = decltype(AsState(std::declval<const std::decay_t<T>&>(), SourceLocation()));

// What loops ask of their lambdas, so that a mistake is one error that says so.
template <class State, class Condition>
constexpr bool CheckCondition() {
  constexpr bool takes = TakesState<Condition, State>();
  static_assert(takes, "the condition takes the state: one parameter, or as many as the state's tuple has items");
  if constexpr (takes) {
    using R = decltype(CallWithState(std::declval<Condition&>(), std::declval<const State&>()));
    using D = std::decay_t<R>;
    constexpr bool is_tensor = std::is_same_v<D, Tensor> || std::is_same_v<D, Variable> || std::is_same_v<D, bool>;
    static_assert(is_tensor, "the condition returns a 0-d bool Tensor");
    return is_tensor;
  }
  return false;
}
template <class State, class Body, class... Before>
constexpr bool CheckBody() {
  constexpr bool takes = TakesState<Body, State, Before...>();
  static_assert(takes || sizeof...(Before) > 0,
                "the body takes the state: one parameter, or as many as the state's tuple has items");
  static_assert(takes || sizeof...(Before) == 0,
                "the body takes the index, then the state: one parameter, or as many as the state's tuple has items");
  if constexpr (takes) {
    using R =
        decltype(CallWithState(std::declval<Body&>(), std::declval<const State&>(), std::declval<const Before&>()...));
    if constexpr (std::is_void_v<R>) {
      static_assert(!std::is_void_v<R>, "the body returns the new state: what it assigns to is gone");
    } else {
      constexpr bool is_state = std::is_constructible_v<State, StateOf<R>>;
      static_assert(is_state, "the body returns a state of the type that it takes");
      return is_state;
    }
  }
  return false;
}
template <class Carry, class X, class Body>
constexpr bool CheckScanBody() {
  constexpr bool takes = std::is_invocable_v<Body&, const Carry&, const X&>;
  static_assert(takes, "the body takes two parameters, the state and a slice of xs");
  if constexpr (takes) {
    using R = std::invoke_result_t<Body&, const Carry&, const X&>;
    constexpr bool is_pair = requires(const R& r) { Carry(AsState(r.first, SourceLocation())), r.second; };
    static_assert(is_pair, "the body returns a pair: the new state, of the type that it takes, and an output");
    return is_pair;
  }
  return false;
}

template <class R, class... Branch>
auto Branches(const Arg& choice, const char* name, SourceLocation line, Branch&... branches) {
  constexpr bool alike = ((std::is_void_v<R> == std::is_void_v<std::invoke_result_t<Branch&>>) && ...);
  static_assert(alike, "all branches return a value, or none does: what is to come out of a branch is what it returns");
  if constexpr (!alike) {
  } else if constexpr (std::is_void_v<R>) {
    RunCond(choice, {[&](const Leaves&) { return branches(), Leaves(); }...}, name, line);
  } else {
    using State = StateOf<R>;
    Packing<State> packing(name, line);
    const Leaves leaves =
        RunCond(choice, {[&](const Leaves&) { return packing.Pack(State(AsState(branches(), line))); }...}, name, line);
    return packing.Unpack(leaves.data());
  }
}

}  // namespace internal

/// What the branch returns that a 0-d bool chooses. Both branches return trees of the same dtypes and shapes; only the
/// chosen one runs. Throws ShapeError or DTypeError when the predicate is not a 0-d bool or, where both are seen, in a
/// trace, they differ.
template <class Then, class Else>
auto cond(const Arg& predicate, Then&& then, Else&& otherwise, SourceLocation line = SourceLocation::current()) {
  return internal::Branches<std::invoke_result_t<Then&>>(predicate, "cond", line, then, otherwise);
}

/// What branch number `index` (a 0-d int, clamped to the branches there are) returns.
template <class First, class... Rest>
  requires(std::is_invocable_v<First&> && (std::is_invocable_v<Rest&> && ...))
auto switch_case(const Arg& index, First&& first, Rest&&... rest) {
  return internal::Branches<std::invoke_result_t<First&>>(index, "switch_case", index.line(), first, rest...);
}

/// While condition(state) holds, a 0-d bool, state = body(state); returns the state. A tuple arrives as separate
/// parameters. Dtypes and shapes of the state stay the same: a ShapeError otherwise names both.
template <class Condition, class Body, class Init>
auto while_loop(Condition&& condition, Body&& body, const Init& init, const WhileOptions& options = {},
                SourceLocation line = SourceLocation::current()) {
  using State = internal::StateOf<Init>;
  if constexpr (!(internal::CheckCondition<State, Condition>() && internal::CheckBody<State, Body>()))
    return State(internal::AsState(init, line));
  else {
    internal::Packing<State> packing("while_loop", line);
    const internal::Leaves first = packing.Pack(internal::AsState(init, line));
    const internal::Leaves last = internal::RunWhileLoop(
        [&](const internal::Leaves& leaves) {
          return internal::Leaves{
              internal::AsState(internal::CallWithState(condition, packing.Unpack(leaves.data())), line)};
        },
        [&](const internal::Leaves& leaves) {
          return packing.Pack(
              State(internal::AsState(internal::CallWithState(body, packing.Unpack(leaves.data())), line)));
        },
        first, options, line);
    return packing.Unpack(last.data());
  }
}

/// state = body(i, state) for i = lower, ..., upper - 1: 0-d ints, known or computed. i is a 0-d int Tensor.
template <class Body, class Init>
auto fori_loop(const Arg& lower, const Arg& upper, Body&& body, const Init& init,
               SourceLocation line = SourceLocation::current()) {
  using State = internal::StateOf<Init>;
  if constexpr (!internal::CheckBody<State, Body, Tensor>())
    return State(internal::AsState(init, line));
  else {
    internal::Packing<State> packing("fori_loop", line);
    const internal::Leaves first = packing.Pack(internal::AsState(init, line));
    const internal::Leaves last = internal::RunForiLoop(
        lower, upper,
        [&](const internal::Leaves& leaves) {
          return packing.Pack(State(
              internal::AsState(internal::CallWithState(body, packing.Unpack(leaves.data() + 1), leaves[0]), line)));
        },
        first, line);
    return packing.Unpack(last.data());
  }
}

namespace internal {
template <class Body, class Init, class Xs>
auto Scan(const char* name, Body& body, const Init& init, const Xs& xs, const ScanOptions& options,
          SourceLocation line) {
  using Carry = StateOf<Init>;
  using X = StateOf<Xs>;
  if constexpr (!CheckScanBody<Carry, X, Body>())
    return std::pair<Carry, Tensor>();
  else {
    using Y = StateOf<decltype(std::declval<std::invoke_result_t<Body&, const Carry&, const X&>>().second)>;
    Packing<Carry> carry_packing(name, line);
    Packing<X> x_packing(name, line);
    Packing<Y> y_packing(name, line);
    const Leaves first = carry_packing.Pack(AsState(init, line));
    const Leaves scanned = x_packing.Pack(AsState(xs, line));
    const Leaves last = RunScan(
        name,
        [&](const Leaves& leaves) {
          auto [carry, y] =
              body(carry_packing.Unpack(leaves.data()), x_packing.Unpack(leaves.data() + carry_packing.count()));
          Leaves results = carry_packing.Pack(Carry(AsState(carry, line)));
          for (Tensor& leaf : y_packing.Pack(AsState(y, line))) results.push_back(std::move(leaf));
          return results;
        },
        first, scanned, options, line);
    return std::pair<Carry, Y>{carry_packing.Unpack(last.data()), y_packing.Unpack(last.data() + first.size())};
  }
}
}  // namespace internal

/// (carry, y) = body(carry, x) for every slice x of xs along its leading axis; returns the last carry and the ys,
/// stacked along a new leading axis. All of xs have the same leading size. Throws ShapeError when they have not or the
/// carry changes its shape.
template <class Body, class Init, class Xs>
auto scan(Body&& body, const Init& init, const Xs& xs, const ScanOptions& options = {},
          SourceLocation line = SourceLocation::current()) {
  return internal::Scan("scan", body, init, xs, options, line);
}

/// f(x) for every slice x of xs along its leading axis, stacked.
template <class F, class Xs>
auto map(F&& f, const Xs& xs, SourceLocation line = SourceLocation::current()) {
  constexpr bool takes = std::is_invocable_v<F&, const internal::StateOf<Xs>&>;
  static_assert(takes, "map's function takes one parameter, a slice of xs");
  if constexpr (takes) {
    auto body = [&](const std::tuple<>& none, const auto& x) { return std::pair{none, f(x)}; };
    return internal::Scan("map", body, std::tuple<>(), xs, {}, line).second;
  } else {
    return Tensor();
  }
}

/// The last state of state = f(state, x) over the slices x of xs along its leading axis.
template <class F, class Init, class Xs>
auto fold(F&& f, const Init& init, const Xs& xs, const ScanOptions& options = {},
          SourceLocation line = SourceLocation::current()) {
  using State = internal::StateOf<Init>;
  constexpr bool takes = std::is_invocable_v<F&, const State&, const internal::StateOf<Xs>&>;
  static_assert(takes, "fold's function takes two parameters, the state and a slice of xs");
  if constexpr (takes) {
    auto body = [&](const auto& state, const auto& x) { return std::pair{f(state, x), std::tuple<>()}; };
    return internal::Scan("fold", body, init, xs, options, line).first;
  } else {
    return State(internal::AsState(init, line));
  }
}

}  // namespace duet
