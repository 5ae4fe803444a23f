// jacobian and hessian: whole derivatives, of trees by trees.
#pragma once

#include <duet/gradient.h>

#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// reverse: one pass back per element of the result, all at once; forward: one pass per element of the arguments.
enum class JacobianMode : bool { reverse, forward };

namespace internal {

/// `jacobians`: d results[i] / d leaf j of all of them, j counted fastest.
void JacobiansOfCall(const FlatArguments& arguments, bool forward, RunLeaves body, void* call, SourceLocation line,
                     FlatResults& results, std::vector<Tensor>& jacobians);

// A tree type with a J in the place of every tensor. What holds no tensor stays; of a struct the fields become a tuple.
template <class T, class J>
struct WithLeaves {
  using Type = T;
};
template <class J>
struct WithLeaves<Tensor, J> {
  using Type = J;
};
template <class T, class J>
struct WithLeaves<std::vector<T>, J> {
  using Type = std::vector<typename WithLeaves<T, J>::Type>;
};
template <class T, std::size_t N, class J>
struct WithLeaves<std::array<T, N>, J> {
  using Type = std::array<typename WithLeaves<T, J>::Type, N>;
};
template <class A, class B, class J>
struct WithLeaves<std::pair<A, B>, J> {
  using Type = std::pair<typename WithLeaves<A, J>::Type, typename WithLeaves<B, J>::Type>;
};
template <class... T, class J>
struct WithLeaves<std::tuple<T...>, J> {
  using Type = std::tuple<typename WithLeaves<T, J>::Type...>;
};
template <template <class...> class M, class Key, class T, class Compare, class... Rest, class J>
  requires(IsMap<M<Key, T, Compare, Rest...>>)
struct WithLeaves<M<Key, T, Compare, Rest...>, J> {
  using Type = M<Key, typename WithLeaves<T, J>::Type, Compare>;
};
template <template <class> class O, class T, class J>
  requires(IsOptional<O<T>>)
struct WithLeaves<O<T>, J> {
  using Type = O<typename WithLeaves<T, J>::Type>;
};
template <IsRegistered S, class J>
struct WithLeaves<S, J> {
  template <class... M>
  static std::tuple<typename WithLeaves<M, J>::Type...> Fields(const Members<S, M...>&);
  using Type = decltype(Fields(Tree<S>::kMembers));
};

// Takes a tree apart, another tree in the place of every tensor.
template <class Tree, class Next>
struct FlatWithLeaves {
  Next next;
  FlatResults flat;

  void AddCount(std::size_t count) { flat.AddCount(count); }
  void AddBytes(const void* bytes, std::size_t count) { flat.AddBytes(bytes, count); }
  void Add(const Tensor&) { Tree::Flatten(next(), flat); }
  void Add(const Variable& variable) { flat.Add(variable); }
};

// The callable that jacobian returns: it has f's parameters.
template <class F, class Numbers, class S>
class Jacobian;
template <class F, class Numbers, class R, class... P>
class Jacobian<F, Numbers, R(P...)> {
  using Arguments = ByArguments<F, R(P...), Numbers>;
  using ByOne = typename Arguments::Trees;

 public:
  using Result = typename std::conditional_t<std::is_same_v<ByOne, Tensor>, WithLeaves<Tensor, std::decay_t<R>>,
                                             WithLeaves<std::decay_t<R>, ByOne>>::Type;

  Jacobian(F f, JacobianMode mode, SourceLocation line) : f_(std::move(f)), mode_(mode), line_(line) {}

  Result operator()(P... arguments) const {
    const typename Arguments::Call call(f_, arguments...);
    FlatResults results;
    std::vector<Tensor> jacobians;
    JacobiansOfCall(call.flat(), mode_ == JacobianMode::forward, &Arguments::Call::Run, call.self(), line_, results,
                    jacobians);
    const Tensor* leaves = jacobians.data();
    const auto next = [&] {
      return Arguments::Replace(call, std::exchange(leaves, leaves + call.flat().tensor_count), arguments...);
    };
    FlatWithLeaves<Tree<ByOne>, decltype(next)> flat{next, {}};
    Tree<std::decay_t<R>>::Flatten(RestoreResult<R>(results), flat);
    return RestoreResult<Result>(flat.flat);
  }

 private:
  mutable F f_;
  JacobianMode mode_;
  SourceLocation line_;
};

template <class Numbers, class F>
auto MakeJacobian(F f, JacobianMode mode, SourceLocation line) {
  return Jacobian<F, Numbers, SignatureOf<F>>(std::move(f), mode, line);
}

}  // namespace internal

/// jacobian(f)(x, rest...)[i..., j...] is d f(x)[i...] / d x[j...]: shape f(x).shape + x.shape, at most 8 axes, of x's
/// dtype, forward of f(x)'s. f takes and returns float tensors or trees of them. By a tree: such a tree for every
/// tensor of the result; a struct among the results is then a tuple of its fields. By several arguments, `jacobian(f,
/// argnums<0, 2>)`: a tuple for every tensor of the result. Throws DTypeError by or of a tensor that is not float.
template <class F>
auto jacobian(F f, JacobianMode mode = JacobianMode::reverse, SourceLocation line = SourceLocation::current()) {
  return internal::MakeJacobian<internal::ArgumentNumbers<0>>(std::move(f), mode, line);
}
template <class F, int... kNumbers>
auto jacobian(F f, internal::ArgumentNumbers<kNumbers...>, JacobianMode mode = JacobianMode::reverse,
              SourceLocation line = SourceLocation::current()) {
  return internal::MakeJacobian<internal::ArgumentNumbers<kNumbers...>>(std::move(f), mode, line);
}

/// jacobian(grad(f)): second derivatives of an f that returns one element, shape x.shape + x.shape; by a tree or
/// several arguments, for every tensor of them such a tree.
template <class F>
auto hessian(F f, SourceLocation line = SourceLocation::current()) {
  return jacobian(grad(std::move(f), line), JacobianMode::reverse, line);
}
template <class F, int... kNumbers>
auto hessian(F f, internal::ArgumentNumbers<kNumbers...> numbers, SourceLocation line = SourceLocation::current()) {
  return jacobian(grad(std::move(f), numbers, line), numbers, JacobianMode::reverse, line);
}

}  // namespace duet
