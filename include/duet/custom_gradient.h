// Calls that derivatives see as one: checkpoint, which saves memory, and custom_gradient, whose derivative is given.
#pragma once

#include <duet/tree_call.h>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

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
    constexpr bool takes = std::is_invocable_v<D&, const std::remove_cvref_t<P>&..., const R&>;
    static_assert(takes, "custom_gradient's df takes the arguments of f and then dy, the adjoint of its result");
    if constexpr (takes) {
      Reader reader(inputs), adjoint(rest);
      adjoint.next_tensor = adjoints;
      const auto arguments = Replaced(reader);
      const R dy = Tree<R>::Restore(adjoint);
      const auto result = std::apply([&](const auto&... items) { return df_(items..., dy); }, arguments);
      Tree<std::remove_cv_t<decltype(result)>>::Flatten(result, found);
    }
  }

  void Forward(const Tensor* inputs, const Tensor* tangents, FlatResults& found) const override {
    constexpr bool takes =
        std::is_invocable_r_v<R, J&, const std::remove_cvref_t<P>&..., const std::remove_cvref_t<P>&...>;
    static_assert(
        takes || std::is_same_v<J, NoJvp>,
        "custom_gradient's jf takes the arguments of f and then their tangents, and returns that of its result");
    if constexpr (takes) {
      Reader reader(inputs), tangent(tangents);
      const auto arguments = std::tuple_cat(Replaced(reader), Replaced(tangent));
      const R result = std::apply([&](const auto&... items) { return jf_(items...); }, arguments);
      Tree<R>::Flatten(result, found);
    }
  }

  FlatResults rest;  ///< of the result, without its tensors

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
    derivative->rest = results;
    derivative->rest.tensors.clear();
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

}  // namespace duet
