// Transforms of functions beside grad: vjp, jvp, jacobian, hessian, hvp, vmap, checkpoint, custom_gradient. Each gives
// a callable with f's parameters, so they compose in any order, with duet::function too; eager and traced results are
// the same bits. Arguments and results are tensors or trees of them (vector, tuple, pair, array, map, struct); numbers
// and enums pass as they are.
#pragma once

#include <duet/custom_gradient.h>
#include <duet/gradient.h>
#include <duet/jacobian.h>
#include <duet/vmap.h>

#include <memory>
#include <string>

namespace duet {

namespace internal {

template <class S>
struct SignatureParts;
template <class R, class... P>
struct SignatureParts<R(P...)> {
  static constexpr int kArity = sizeof...(P);
  using Result = std::decay_t<R>;
  using Arguments = typename OneOrTuple<std::remove_cvref_t<P>...>::Type;
};
template <class F>
using ResultOf = typename SignatureParts<SignatureOf<F>>::Result;
template <class F>
using ParametersOf = typename SignatureParts<SignatureOf<F>>::Arguments;
template <class F>
inline constexpr int kArityOf = SignatureParts<SignatureOf<F>>::kArity;

// All of a signature's arguments as trees.
template <class>
inline constexpr bool kYes = true;
template <class>
inline constexpr bool kNo = false;
template <class F, class S>
struct WholeCallOf;
template <class F, class R, class... P>
struct WholeCallOf<F, R(P...)> {
  using Type = TreeCall<F, R, std::integer_sequence<bool, kYes<P>...>, P...>;
};
template <class F>
using WholeCall = typename WholeCallOf<F, SignatureOf<F>>::Type;

template <class F, class... A>
inline constexpr bool kTakes = std::is_same_v<ParametersOf<F>, typename OneOrTuple<A...>::Type>;

void JvpOfCall(const FlatArguments& arguments, const FlatArguments& tangents, RunLeaves body, void* call,
               SourceLocation line, FlatResults& results, FlatResults& result_tangents);

struct Recorded;  // of vjp: a tape and the leaves it is to go back to
std::shared_ptr<Recorded> VjpOfCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                                    FlatResults& results);
std::vector<Tensor> PullBack(Recorded& recorded, const FlatResults& adjoints);

}  // namespace internal

// ---- vjp

/// What vjp returns beside the value: from an adjoint of the result, of its dtype and shape, to those of the arguments:
/// of the only one, or a tuple. May be called often. Throws ShapeError or DTypeError for an adjoint that does not fit,
/// ValueError for another tree.
template <class R, class Arguments>
class Pullback {
 public:
  Pullback(std::shared_ptr<internal::Recorded> recorded, Arguments arguments)
      : recorded_(std::move(recorded)), arguments_(std::move(arguments)) {}

  Arguments operator()(const R& adjoint) const {
    internal::FlatResults flat;
    internal::Tree<R>::Flatten(adjoint, flat);
    const std::vector<Tensor> found = internal::PullBack(*recorded_, flat);
    internal::Reader reader{found.data(), nullptr};
    return internal::Tree<Arguments>::Replace(arguments_, reader);
  }

 private:
  std::shared_ptr<internal::Recorded> recorded_;
  Arguments arguments_;
};

namespace internal {
template <class F, class... A>
auto Vjp(SourceLocation line, F& f, const A&... arguments) {
  static_assert(kTakes<F, A...>, "the arguments have the types that the function declares");
  using R = ResultOf<F>;
  const WholeCall<F> call(f, arguments...);
  FlatResults results;
  auto recorded = VjpOfCall(call.flat(), &WholeCall<F>::Run, call.self(), line, results);
  return std::pair<R, Pullback<R, ParametersOf<F>>>(
      RestoreResult<R>(results), Pullback<R, ParametersOf<F>>(std::move(recorded), ParametersOf<F>(arguments...)));
}
}  // namespace internal

/// vjp(f, arguments...) is the pair (f(arguments...), pullback). All arguments are float tensors or trees of them.
template <class F, class A>
  requires(internal::kArityOf<F> == 1)
auto vjp(F f, const A& a, SourceLocation line = SourceLocation::current()) {
  return internal::Vjp(line, f, a);
}
template <class F, class A, class B>
  requires(internal::kArityOf<F> == 2)
auto vjp(F f, const A& a, const B& b, SourceLocation line = SourceLocation::current()) {
  return internal::Vjp(line, f, a, b);
}
template <class F, class A, class B, class C>
  requires(internal::kArityOf<F> == 3)
auto vjp(F f, const A& a, const B& b, const C& c, SourceLocation line = SourceLocation::current()) {
  return internal::Vjp(line, f, a, b, c);
}

// ---- jvp

namespace internal {
template <class F, class... A>
auto Jvp(SourceLocation line, F& f, const std::tuple<const A&...>& arguments, const std::tuple<const A&...>& tangents) {
  static_assert(kTakes<F, A...>, "the arguments have the types that the function declares");
  using R = ResultOf<F>;
  const auto call_with = [&](const auto&... items) {
    const WholeCall<F> call(f, items...);
    FlatArguments flat;
    std::apply([&](const auto&... tangent) { (Tree<A>::Flatten(tangent, flat), ...); }, tangents);
    FlatResults results, result_tangents;
    JvpOfCall(call.flat(), flat, &WholeCall<F>::Run, call.self(), line, results, result_tangents);
    return std::pair<R, R>(RestoreResult<R>(results), RestoreResult<R>(result_tangents));
  };
  return std::apply(call_with, arguments);
}
}  // namespace internal

/// jvp(f, x, t) is the pair (f(x), the derivative of f at x in the direction t), t of x's dtype and shape, or such a
/// tree; with two arguments jvp(f, x, y, tx, ty). Tangents of tensors that are not float are not looked at. Throws
/// ShapeError or DTypeError for a tangent that does not fit, ValueError for another tree.
template <class F, class A>
  requires(internal::kArityOf<F> == 1)
auto jvp(F f, const A& x, const A& tx, SourceLocation line = SourceLocation::current()) {
  return internal::Jvp<F, A>(line, f, {x}, {tx});
}
template <class F, class A, class B>
  requires(internal::kArityOf<F> == 2)
auto jvp(F f, const A& x, const B& y, const A& tx, const B& ty, SourceLocation line = SourceLocation::current()) {
  return internal::Jvp<F, A, B>(line, f, {x, y}, {tx, ty});
}
template <class F, class A, class B, class C>
  requires(internal::kArityOf<F> == 3)
auto jvp(F f, const A& x, const B& y, const C& z, const A& tx, const B& ty, const C& tz,
         SourceLocation line = SourceLocation::current()) {
  return internal::Jvp<F, A, B, C>(line, f, {x, y, z}, {tx, ty, tz});
}

// ---- hvp

/// The hessian of f at x times v, without the hessian: jvp(grad(f), x, v). v is of x's dtype and shape, or such a tree.
/// With two arguments hvp(f, x, y, vx, vy): a tuple, by x and by y.
template <class F, class A>
  requires(internal::kArityOf<F> == 1)
A hvp(F f, const A& x, const A& v, SourceLocation line = SourceLocation::current()) {
  return jvp(grad(std::move(f), line), x, v, line).second;
}
template <class F, class A, class B>
  requires(internal::kArityOf<F> == 2)
std::tuple<A, B> hvp(F f, const A& x, const B& y, const A& vx, const B& vy,
                     SourceLocation line = SourceLocation::current()) {
  return jvp(grad(std::move(f), argnums<0, 1>, line), x, y, vx, vy, line).second;
}
template <class F, class A, class B, class C>
  requires(internal::kArityOf<F> == 3)
std::tuple<A, B, C> hvp(F f, const A& x, const B& y, const C& z, const A& vx, const B& vy, const C& vz,
                        SourceLocation line = SourceLocation::current()) {
  return jvp(grad(std::move(f), argnums<0, 1, 2>, line), x, y, z, vx, vy, vz, line).second;
}

// ---- check_gradients

/// True when the derivatives agree; otherwise the explanation says where they do not.
struct GradientCheck {
  bool ok = true;
  std::string explanation;
  explicit operator bool() const { return ok; }
};

namespace internal {
GradientCheck CheckGradientsOfCall(const FlatArguments& arguments, RunLeaves body, void* call);
}  // namespace internal

/// Compares f's gradients with central differences, and its forward derivative with both, at these arguments: float
/// tensors or trees of them, best f64. Looks at data: not inside a traced function (TraceError).
template <class F, class... A>
GradientCheck check_gradients(F f, const A&... arguments) {
  static_assert(internal::kTakes<F, A...>, "the arguments have the types that the function declares");
  const internal::WholeCall<F> call(f, arguments...);
  return internal::CheckGradientsOfCall(call.flat(), &internal::WholeCall<F>::Run, call.self());
}

}  // namespace duet
