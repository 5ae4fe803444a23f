// Gradients: a tape as TensorFlow's, and the transforms grad and value_and_grad, eager and traced alike.
// Contributions to a gradient are added in reverse order of recording, starting from the first. A value that the result
// does not depend on has gradient 0.
#pragma once

#include <duet/signature.h>
#include <duet/tensor.h>
#include <duet/variable.h>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// Records the ops on watched tensors and on variables from construction to destruction, on this thread.
class GradientTape {
 public:
  struct Options {
    bool persistent = false;  ///< gradient may be called more than once
    bool watch_accessed_variables = true;
  };
  GradientTape();
  explicit GradientTape(Options options);
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  void watch(const Tensor& tensor);
  /// d sum(of) / d by, of by's dtype and shape. Throws DTypeError when of is not float, ValueError when the
  /// tape is spent.
  Tensor gradient(const Tensor& of, const Tensor& by, SourceLocation line = SourceLocation::current());
  Tensor gradient(const Tensor& of, const Variable& by, SourceLocation line = SourceLocation::current());
  std::vector<Tensor> gradient(const Tensor& of, const std::vector<Tensor>& by,
                               SourceLocation line = SourceLocation::current());
  std::vector<Tensor> gradient(const Tensor& of, const std::vector<Variable>& by,
                               SourceLocation line = SourceLocation::current());
  /// As gradient, with the adjoint of `of` given instead of ones.
  std::vector<Tensor> gradient(const Tensor& of, const std::vector<Tensor>& by, const Tensor& adjoint,
                               SourceLocation line = SourceLocation::current());

 private:
  class Recording;
  std::unique_ptr<Recording> recording_;
};

/// While it lives, tapes do not record on this thread.
class StopRecording {
 public:
  StopRecording();
  ~StopRecording();
  StopRecording(const StopRecording&) = delete;
  StopRecording& operator=(const StopRecording&) = delete;

 private:
  bool outer_;
};

/// The same value, constant to every tape.
Tensor stop_gradient(const Arg& x);

namespace internal {

/// A handle of its own to the same value, so that a tape can tell this use of a tensor from others.
Tensor Alias(const Tensor& tensor, SourceLocation line);
/// Throws ShapeError when there is not exactly one element.
void CheckScalarResult(const Tensor& result, SourceLocation line);

// The callable that grad and value_and_grad return: it has f's parameters, so it can be wrapped in turn.
template <class F, bool kWithValue, class S>
class Gradient;
template <class F, bool kWithValue, class R, class First, class... Rest>
class Gradient<F, kWithValue, R(First, Rest...)> {
  static_assert(std::is_same_v<std::decay_t<First>, Tensor>, "grad differentiates by a first parameter of type Tensor");

 public:
  using Result = std::conditional_t<kWithValue, std::pair<Tensor, Tensor>, Tensor>;
  Gradient(F f, SourceLocation line) : f_(std::move(f)), line_(line) {}

  Result operator()(First x, Rest... rest) const {
    const Tensor input = Alias(x, line_);
    GradientTape tape;
    tape.watch(input);
    const Tensor result = f_(input, std::forward<Rest>(rest)...);
    CheckScalarResult(result, line_);
    Tensor derivative = tape.gradient(result, input, line_);
    if constexpr (kWithValue)
      return {result, std::move(derivative)};
    else
      return derivative;
  }

 private:
  mutable F f_;
  SourceLocation line_;
};

}  // namespace internal

/// grad(f)(x, rest...) is df/dx, x f's first argument; f returns a tensor of one element.
template <class F>
auto grad(F f, SourceLocation line = SourceLocation::current()) {
  return internal::Gradient<F, false, internal::SignatureOf<F>>(std::move(f), line);
}

/// value_and_grad(f)(x, rest...) is the pair (f(x, rest...), df/dx).
template <class F>
auto value_and_grad(F f, SourceLocation line = SourceLocation::current()) {
  return internal::Gradient<F, true, internal::SignatureOf<F>>(std::move(f), line);
}

}  // namespace duet
