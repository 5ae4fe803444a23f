// The signature of a callable: R(P...) of a function, a function pointer or an object with one operator().
#pragma once

#include <type_traits>

namespace duet {

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

template <class F, class = void>
struct Signature {
  static_assert(sizeof(F) == 0,
                "duet needs a callable with one operator(): name the parameter types of a generic lambda");
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
