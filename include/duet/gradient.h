// Gradients: a tape as TensorFlow's, and the transforms grad and value_and_grad, eager and traced alike.
// Contributions to a gradient are added in reverse order of recording, starting from the first. A value that the result
// does not depend on has gradient 0.
#pragma once

#include <duet/tensor.h>
#include <duet/variable.h>

#include <memory>
#include <utility>
#include <vector>

namespace duet {

/// Records the ops on watched tensors and on variables from construction to destruction, on this thread.
class GradientTape {
 public:
  struct Options {
    bool persistent = false;                  ///< gradient may be called more than once
    bool watch_accessed_variables = true;
  };
  GradientTape();
  explicit GradientTape(Options options);
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  void watch(const Tensor& tensor);
  /// d sum(of) / d by, of by's dtype and shape. Throws ValueError when of is not float, when the tape is spent, or for
  /// an op without a derivative on the way, which it names with its line.
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
Tensor Alias(const Tensor& tensor);
void CheckScalarResult(const Tensor& result, SourceLocation line);
}  // namespace internal

/// grad(f)(x, rest...) is df/dx, f's first argument; f returns a tensor of one element.
template <class F>
auto grad(F f, SourceLocation line = SourceLocation::current()) {
  return [f = std::move(f), line](const Tensor& x, const auto&... rest) -> Tensor {
    const Tensor input = internal::Alias(x);
    GradientTape tape;
    tape.watch(input);
    const Tensor result = f(input, rest...);
    internal::CheckScalarResult(result, line);
    return tape.gradient(result, input, line);
  };
}

/// value_and_grad(f)(x, rest...) is the pair (f(x, rest...), df/dx).
template <class F>
auto value_and_grad(F f, SourceLocation line = SourceLocation::current()) {
  return [f = std::move(f), line](const Tensor& x, const auto&... rest) -> std::pair<Tensor, Tensor> {
    const Tensor input = internal::Alias(x);
    GradientTape tape;
    tape.watch(input);
    const Tensor result = f(input, rest...);
    internal::CheckScalarResult(result, line);
    return {result, tape.gradient(result, input, line)};
  };
}

}  // namespace duet
