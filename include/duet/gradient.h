// Gradients: a tape as TensorFlow's, and the transforms grad and value_and_grad, eager and traced alike.
// Contributions to a gradient are added in reverse order of recording, starting from the first. A value that the result
// does not depend on has gradient 0. No gradient goes through a Variable that is written and read again.
#pragma once

#include <duet/tensor.h>
#include <duet/tree_call.h>
#include <duet/variable.h>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// What a gradient is by something that the result does not depend on: zeros, or an empty Tensor.
enum class Unconnected : bool { zero, none };

/// Records the ops on watched tensors and on variables from construction to destruction, on this thread. Tapes nest: an
/// outer one sees the backward pass of an inner one. A tape may be destroyed on another thread than its own, while no
/// op runs there.
class GradientTape {
 public:
  struct Options {
    bool persistent = false;  ///< gradient may be called more than once
    bool watch_accessed_variables = true;
    Unconnected unconnected = Unconnected::zero;
  };
  /// While it lives, its tape does not record. It ends before the tape does.
  class Pause {
   public:
    explicit Pause(GradientTape& tape);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    GradientTape& tape_;
  };
  GradientTape();
  explicit GradientTape(Options options);
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  /// Throws DTypeError when the tensor is not float.
  void watch(const Tensor& tensor, SourceLocation line = SourceLocation::current());
  /// Watches every tensor of a tree: a vector, tuple, map or struct of tensors.
  template <class T>
    requires(!std::is_same_v<T, Tensor>)
  void watch(const T& tree, SourceLocation line = SourceLocation::current()) {
    internal::FlatArguments flat;
    internal::Tree<T>::Flatten(tree, flat);
    for (int i = 0; i < flat.tensor_count; ++i) watch(flat.tensor(i), line);
  }
  [[nodiscard]] Pause stop_recording() { return Pause(*this); }
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
  /// By every tensor of a tree; the result is such a tree.
  template <class T>
  T gradient(const Tensor& of, const T& by, SourceLocation line = SourceLocation::current()) {
    internal::FlatArguments flat;
    internal::Tree<T>::Flatten(by, flat);
    std::vector<Tensor> leaves;
    for (int i = 0; i < flat.tensor_count; ++i) leaves.push_back(flat.tensor(i));
    const std::vector<Tensor> found = gradient(of, leaves, line);
    internal::Reader reader{found.data(), nullptr};
    return internal::Tree<T>::Replace(by, reader);
  }

 private:
  class Recording;
  std::unique_ptr<Recording> recording_;
};

/// While it lives, no tape records on this thread.
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

/// Runs a call and gives the gradients of its first result, a float tensor of one element, by the leaves of
/// `arguments`.
void GradientsOfCall(const FlatArguments& arguments, RunLeaves body, void* call, SourceLocation line,
                     FlatResults& results, std::vector<Tensor>& gradients);

/// Which arguments: their numbers.
template <int... kNumbers>
struct ArgumentNumbers {};
struct HasAux {};

template <class R, bool kAux>
struct GradientResult {
  static_assert(std::is_same_v<std::decay_t<R>, Tensor> && !kAux,
                "grad wants a function that returns a Tensor; with more to return: a std::pair of it and the rest, and "
                "has_aux");
  using Aux = void;
  using Value = Tensor;
};
template <class A>
struct GradientResult<std::pair<Tensor, A>, true> {
  using Aux = A;
  using Value = std::pair<Tensor, A>;
};

template <class... V>
struct OneOrTuple {
  using Type = std::tuple<V...>;
};
template <class V>
struct OneOrTuple<V> {
  using Type = V;
};

// A call of a function as one of the leaves that it is differentiated by, those of the arguments with these numbers.
template <class F, class S, class Numbers>
struct ByArguments;
template <class F, class R, class... P, int... kNumbers>
struct ByArguments<F, R(P...), ArgumentNumbers<kNumbers...>> {
  static_assert(((kNumbers >= 0 && kNumbers < static_cast<int>(sizeof...(P))) && ...),
                "the function does not have an argument with the number that argnums gives");
  template <int kNumber>
  using Nth = std::remove_cvref_t<std::tuple_element_t<kNumber, std::tuple<P...>>>;
  static constexpr bool Chosen(int number) { return ((number == kNumbers) || ...); }
  template <class Places>
  struct CallOf;
  template <int... I>
  struct CallOf<std::integer_sequence<int, I...>> {
    using Type = TreeCall<F, R, std::integer_sequence<bool, Chosen(I)...>, P...>;
  };
  using Call = typename CallOf<std::make_integer_sequence<int, sizeof...(P)>>::Type;
  using Trees = typename OneOrTuple<Nth<kNumbers>...>::Type;  ///< of the only argument, or a tuple

  /// The arguments, with these in place of the call's leaves.
  static Trees Replace(const Call& call, const Tensor* leaves, const std::remove_reference_t<P>&... arguments) {
    const auto all = std::forward_as_tuple(arguments...);
    const auto nth = [&]<int kNumber>(ArgumentNumbers<kNumber>) {
      int first = 0;
      for (int i = 0; i < kNumber; ++i) first += call.counts()[i];
      Reader reader{leaves + first, nullptr};
      return Tree<Nth<kNumber>>::Replace(std::get<kNumber>(all), reader);
    };
    return Trees{nth(ArgumentNumbers<kNumbers>())...};
  }
};

// The callable that grad and value_and_grad return: it has f's parameters, so it can be wrapped in turn.
template <class F, bool kWithValue, bool kAux, class Numbers, class S>
class Gradient;
template <class F, bool kWithValue, bool kAux, class Numbers, class R, class... P>
class Gradient<F, kWithValue, kAux, Numbers, R(P...)> {
  using Arguments = ByArguments<F, R(P...), Numbers>;
  using Results = GradientResult<std::decay_t<R>, kAux>;

 public:
  using Gradients = typename Arguments::Trees;
  using Plain = std::conditional_t<kWithValue, std::pair<typename Results::Value, Gradients>, Gradients>;
  using Result = typename std::conditional_t<kAux && !kWithValue, std::pair<Gradients, typename Results::Aux>*, Plain*>;

  Gradient(F f, SourceLocation line) : f_(std::move(f)), line_(line) {}

  std::remove_pointer_t<Result> operator()(P... arguments) const {
    const typename Arguments::Call call(f_, arguments...);
    FlatResults results;
    std::vector<Tensor> gradients;
    GradientsOfCall(call.flat(), &Arguments::Call::Run, call.self(), line_, results, gradients);
    Gradients found = Arguments::Replace(call, gradients.data(), arguments...);
    if constexpr (kWithValue)
      return {RestoreResult<typename Results::Value>(results), std::move(found)};
    else if constexpr (kAux)
      return {std::move(found), RestoreResult<typename Results::Value>(results).second};
    else
      return found;
  }

 private:
  mutable F f_;
  SourceLocation line_;
};

template <bool kWithValue, bool kAux, class Numbers, class F>
auto MakeGradient(F f, SourceLocation line) {
  return Gradient<F, kWithValue, kAux, Numbers, SignatureOf<F>>(std::move(f), line);
}

}  // namespace internal

/// By these arguments, counted from 0: `grad(f, argnums<0, 2>)`; the gradient is then a tuple. By default the first.
template <int... kNumbers>
inline constexpr internal::ArgumentNumbers<kNumbers...> argnums{};
/// f returns a std::pair of the tensor to differentiate and anything else, which comes back beside the gradient.
inline constexpr internal::HasAux has_aux{};

/// grad(f)(x, rest...) is df/dx. f returns a float tensor of one element; x is a float tensor or a tree of them
/// (vector, tuple, map, struct), and the gradient is such a tree, of x's dtypes and shapes. With has_aux: the pair
/// (gradient, aux). Throws DTypeError by a tensor that is not float, ShapeError when f returns another number of
/// elements.
template <class F>
auto grad(F f, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<false, false, internal::ArgumentNumbers<0>>(std::move(f), line);
}
template <class F, int... kNumbers>
auto grad(F f, internal::ArgumentNumbers<kNumbers...>, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<false, false, internal::ArgumentNumbers<kNumbers...>>(std::move(f), line);
}
template <class F>
auto grad(F f, internal::HasAux, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<false, true, internal::ArgumentNumbers<0>>(std::move(f), line);
}
template <class F, int... kNumbers>
auto grad(F f, internal::ArgumentNumbers<kNumbers...>, internal::HasAux,
          SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<false, true, internal::ArgumentNumbers<kNumbers...>>(std::move(f), line);
}

/// value_and_grad(f)(x, rest...) is the pair (f(x, rest...), df/dx).
template <class F>
auto value_and_grad(F f, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<true, false, internal::ArgumentNumbers<0>>(std::move(f), line);
}
template <class F, int... kNumbers>
auto value_and_grad(F f, internal::ArgumentNumbers<kNumbers...>, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<true, false, internal::ArgumentNumbers<kNumbers...>>(std::move(f), line);
}
template <class F>
auto value_and_grad(F f, internal::HasAux, SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<true, true, internal::ArgumentNumbers<0>>(std::move(f), line);
}
template <class F, int... kNumbers>
auto value_and_grad(F f, internal::ArgumentNumbers<kNumbers...>, internal::HasAux,
                    SourceLocation line = SourceLocation::current()) {
  return internal::MakeGradient<true, true, internal::ArgumentNumbers<kNumbers...>>(std::move(f), line);
}

}  // namespace duet
