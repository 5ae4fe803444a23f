// The signature of a callable: R(P...) of a function, a function pointer or an object with one operator().
#pragma once

#include <type_traits>

namespace duet {

class Tensor;
template <class S>
class function;

namespace internal {

template <class T>
struct MemberSignature;
#define DUET_MEMBER_SIGNATURE(qualifiers)             \
  template <class C, class R, class... P>             \
  struct MemberSignature<R (C::*)(P...) qualifiers> { \
    using type = R(P...);                             \
  };
DUET_MEMBER_SIGNATURE()
DUET_MEMBER_SIGNATURE(const)
DUET_MEMBER_SIGNATURE(noexcept)
DUET_MEMBER_SIGNATURE(const noexcept)
#undef DUET_MEMBER_SIGNATURE

/// What stands for the signature of what has none: that was told, and nothing else is to be said.
struct NoSignature;

template <class F, class = void>
struct Signature {
  static_assert(!std::is_same_v<F, Tensor>, "this is a Tensor, not a callable: wrap the function, not what it returns");
  static_assert(
      !std::is_member_function_pointer_v<F>,
      "a method needs its object: duet::function f{&Model::forward, &model}; elsewhere a lambda that calls it");
  static_assert(std::is_class_v<F> || std::is_member_function_pointer_v<F>,
                "this is no callable: duet takes functions, lambdas and function objects");
  static_assert(!std::is_class_v<F> || std::is_same_v<F, Tensor>,
                "duet needs a callable with one operator(): name the parameter types of a generic lambda, or say which "
                "signature is meant: duet::function<Tensor(const Tensor&)> f{callable}");
  using type = NoSignature;
};
template <class F>
struct Signature<F, std::void_t<decltype(&F::operator())>> : MemberSignature<decltype(&F::operator())> {};
template <class R, class... P>
struct Signature<R(P...)> {
  using type = R(P...);
};
template <class R, class... P>
struct Signature<R (*)(P...)> {
  using type = R(P...);
};

template <class R, class... P>
struct Signature<function<R(P...)>> {
  using type = R(P...);
};

template <class F>
using SignatureOf = typename Signature<std::decay_t<F>>::type;

}  // namespace internal
}  // namespace duet
