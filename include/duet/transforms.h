// Transforms of functions beside grad: vjp, jvp, jacobian, hessian, hvp, vmap, checkpoint, custom_gradient. Each gives
// a callable with f's parameters, so they compose in any order, with duet::function too; eager and traced results are
// the same bits. Arguments and results are tensors or trees of them (vector, tuple, pair, array, map, struct); numbers
// and enums pass as they are.
#pragma once

#include <duet/gradient.h>

#include <climits>
#include <initializer_list>
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

Tensor JacobianOfCall(const FlatArguments& argument, bool forward, RunLeaves body, void* call, SourceLocation line);

}  // namespace internal

// ---- vjp

/// What vjp returns beside the value: from an adjoint of the result, of its dtype and shape, to those of the arguments:
/// of the only one, or a tuple. May be called often. Throws ShapeError or DTypeError for an adjoint that does not fit.
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

/// jvp(f, x, t) is the pair (f(x), the derivative of f at x in the direction t), t of x's dtype and shape; with two
/// arguments jvp(f, x, y, tx, ty). Tangents of tensors that are not float are not looked at. Throws ShapeError or
/// DTypeError for a tangent that does not fit.
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

// ---- jacobian, hessian, hvp

/// reverse: one pass back per element of the result, all at once; forward: one pass per element of the argument.
enum class JacobianMode : bool { reverse, forward };

namespace internal {

template <class F, class S>
class Jacobian;
template <class F, class R, class First, class... Rest>
class Jacobian<F, R(First, Rest...)> {
  static_assert(std::is_same_v<std::decay_t<R>, Tensor> && std::is_same_v<std::decay_t<First>, Tensor>,
                "jacobian wants a function from a Tensor (and more arguments) to a Tensor");
  using Call = TreeCall<F, R, std::integer_sequence<bool, true, kNo<Rest>...>, First, Rest...>;

 public:
  Jacobian(F f, JacobianMode mode, SourceLocation line) : f_(std::move(f)), mode_(mode), line_(line) {}

  Tensor operator()(First x, Rest... rest) const {
    const Call call(f_, x, rest...);
    return JacobianOfCall(call.flat(), mode_ == JacobianMode::forward, &Call::Run, call.self(), line_);
  }

 private:
  mutable F f_;
  JacobianMode mode_;
  SourceLocation line_;
};

}  // namespace internal

/// jacobian(f)(x, rest...)[i..., j...] is d f(x)[i...] / d x[j...]: shape f(x).shape + x.shape, at most 8 axes. f takes
/// and returns a float tensor.
template <class F>
auto jacobian(F f, JacobianMode mode = JacobianMode::reverse, SourceLocation line = SourceLocation::current()) {
  return internal::Jacobian<F, internal::SignatureOf<F>>(std::move(f), mode, line);
}

/// jacobian(grad(f)): second derivatives of an f that returns one element, shape x.shape + x.shape.
template <class F>
auto hessian(F f, SourceLocation line = SourceLocation::current()) {
  return jacobian(grad(std::move(f), line), JacobianMode::reverse, line);
}

/// The hessian of f at x times v, without the hessian: jvp(grad(f), x, v). v is of x's dtype and shape, or such a tree.
template <class F, class A>
  requires(internal::kArityOf<F> == 1)
A hvp(F f, const A& x, const A& v, SourceLocation line = SourceLocation::current()) {
  return jvp(grad(std::move(f), line), x, v, line).second;
}

// ---- vmap

/// In place of an axis: the argument is the same for every example.
inline constexpr int not_batched = INT_MIN;

/// One axis for all, or one for each.
class BatchAxes {
 public:
  BatchAxes(int axis) : axes_{axis}, one_for_all_(true) {}
  BatchAxes(std::initializer_list<int> axes) : axes_(axes), one_for_all_(false) {}
  const std::vector<int>& axes() const { return axes_; }
  bool one_for_all() const { return one_for_all_; }

 private:
  std::vector<int> axes_;
  bool one_for_all_;
};

struct VmapOptions {
  BatchAxes in_axes = 0;   ///< per argument: the axis that counts the examples, in each of its tensors
  BatchAxes out_axes = 0;  ///< per tensor of the result: where that axis goes
};

namespace internal {

void VmapOfCall(const FlatArguments& arguments, const int* counts, int argument_count, const VmapOptions& options,
                RunLeaves body, void* call, SourceLocation line, FlatResults& results);

template <class F, class S>
class Vmap;
template <class F, class R, class... P>
class Vmap<F, R(P...)> {
 public:
  Vmap(F f, VmapOptions options, SourceLocation line) : f_(std::move(f)), options_(std::move(options)), line_(line) {}

  std::decay_t<R> operator()(P... arguments) const {
    using Call = typename TreeCallOf<F, R(P...)>::Type;
    const Call call(f_, arguments...);
    FlatResults results;
    VmapOfCall(call.flat(), call.counts(), sizeof...(P), options_, &Call::Run, call.self(), line_, results);
    return RestoreResult<std::decay_t<R>>(results);
  }

 private:
  mutable F f_;
  VmapOptions options_;
  SourceLocation line_;
};

}  // namespace internal

/// vmap(f)(x) is f of every x(0), x(1), ... stacked: `vmap(f, {.in_axes = {0, not_batched}, .out_axes = 1})`. f is run
/// once, on tensors that stand for one example; the results have the bits of a loop. Negative axes count from the end.
/// Throws ShapeError when arguments differ in their number of examples, ValueError without any, IndexError for an axis
/// out of range; inside f, TraceError where the data of an example is looked at, ValueError where one is written to a
/// Variable.
template <class F>
auto vmap(F f, VmapOptions options = {}, SourceLocation line = SourceLocation::current()) {
  return internal::Vmap<F, internal::SignatureOf<F>>(std::move(f), std::move(options), line);
}

// ---- checkpoint

namespace internal {

void CheckpointCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                    FlatResults& results);

template <class F, class S>
class Checkpoint;
template <class F, class R, class... P>
class Checkpoint<F, R(P...)> {
 public:
  Checkpoint(F f, SourceLocation line) : f_(std::move(f)), line_(line) {}

  std::decay_t<R> operator()(P... arguments) const {
    using Call = typename TreeCallOf<F, R(P...)>::Type;
    const Call call(f_, arguments...);
    FlatResults results;
    CheckpointCall(call.flat(), &Call::Run, call.self(), line_, results);
    return RestoreResult<std::decay_t<R>>(results);
  }

 private:
  mutable F f_;
  SourceLocation line_;
};

}  // namespace internal

/// f, but tapes keep only its arguments, what it captures and its results: a backward pass runs its ops again. The
/// gradient has the same bits. Values leave f by its result only.
template <class F>
auto checkpoint(F f, SourceLocation line = SourceLocation::current()) {
  return internal::Checkpoint<F, internal::SignatureOf<F>>(std::move(f), line);
}

// ---- custom_gradient

namespace internal {

/// A derivative given by hand, on leaves.
class CustomDerivative {
 public:
  virtual ~CustomDerivative() = default;
  virtual bool has_jvp() const = 0;
  virtual void Backward(const Tensor* inputs, const Tensor* adjoints, FlatResults& found) const = 0;
  virtual void Forward(const Tensor* inputs, const Tensor* tangents, FlatResults& found) const = 0;
};
void CustomCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line, FlatResults& results,
                std::shared_ptr<CustomDerivative> derivative);

struct NoJvp {};

template <class F, class D, class J, class R, class... P>
class CustomForms final : public CustomDerivative {
 public:
  CustomForms(D df, J jf, const std::remove_cvref_t<P>&... arguments)
      : df_(std::move(df)), jf_(std::move(jf)), arguments_(arguments...) {}

  bool has_jvp() const override { return !std::is_same_v<J, NoJvp>; }

  void Backward(const Tensor* inputs, const Tensor* adjoints, FlatResults& found) const override {
    Reader reader{inputs, nullptr}, adjoint{adjoints, structure.data()};
    const auto arguments = Replaced(reader);
    const R dy = Tree<R>::Restore(adjoint);
    const auto result = std::apply([&](const auto&... items) { return df_(items..., dy); }, arguments);
    Tree<std::remove_cv_t<decltype(result)>>::Flatten(result, found);
  }

  void Forward(const Tensor* inputs, const Tensor* tangents, FlatResults& found) const override {
    if constexpr (!std::is_same_v<J, NoJvp>) {
      Reader reader{inputs, nullptr}, tangent{tangents, nullptr};
      const auto arguments = std::tuple_cat(Replaced(reader), Replaced(tangent));
      const R result = std::apply([&](const auto&... items) { return jf_(items...); }, arguments);
      Tree<R>::Flatten(result, found);
    }
  }

  std::vector<std::int64_t> structure;  ///< of the result

 private:
  auto Replaced(Reader& reader) const {
    return std::apply(
        [&](const auto&... items) {
          return std::tuple<std::remove_cvref_t<P>...>{Replace<std::remove_cvref_t<P>>(items, reader)...};
        },
        arguments_);
  }
  template <class T>
  static T Replace(const T& item, Reader& reader) {
    if constexpr (kIsTree<T>)
      return Tree<T>::Replace(item, reader);
    else
      return item;
  }

  mutable D df_;
  mutable J jf_;
  std::tuple<std::remove_cvref_t<P>...> arguments_;
};

template <class F, class D, class J, class S>
class CustomGradient;
template <class F, class D, class J, class R, class... P>
class CustomGradient<F, D, J, R(P...)> {
 public:
  CustomGradient(F f, D df, J jf, SourceLocation line)
      : f_(std::move(f)), df_(std::move(df)), jf_(std::move(jf)), line_(line) {}

  std::decay_t<R> operator()(P... arguments) const {
    using Call = typename TreeCallOf<F, R(P...)>::Type;
    const Call call(f_, arguments...);
    FlatResults results;
    auto derivative = std::make_shared<CustomForms<F, D, J, std::decay_t<R>, P...>>(df_, jf_, arguments...);
    CustomCall(call.flat(), &Call::Run, call.self(), line_, results, derivative);
    derivative->structure = results.structure;
    return RestoreResult<std::decay_t<R>>(results);
  }

 private:
  mutable F f_;
  D df_;
  J jf_;
  SourceLocation line_;
};

}  // namespace internal

/// f with a derivative of your own: df(arguments..., dy) is the adjoint of f's argument, a tensor of its dtype and
/// shape, or, for several, the tuple of theirs (empty Tensors where there is none), dy the adjoint of f's result. What
/// f computes is hidden from tapes: values that it captures have no gradient through it. df may be differentiated in
/// turn. jvp needs the forward form jf(arguments..., tangents...), the tangent of f's result; without it jvp throws
/// ValueError.
template <class F, class D>
auto custom_gradient(F f, D df, SourceLocation line = SourceLocation::current()) {
  return internal::CustomGradient<F, D, internal::NoJvp, internal::SignatureOf<F>>(std::move(f), std::move(df), {},
                                                                                   line);
}
template <class F, class D, class J>
  requires(!std::is_same_v<J, SourceLocation>)
auto custom_gradient(F f, D df, J jf, SourceLocation line = SourceLocation::current()) {
  return internal::CustomGradient<F, D, J, internal::SignatureOf<F>>(std::move(f), std::move(df), std::move(jf), line);
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
