// DUET_STRUCT: structs as arguments and results of functions. Part of tree.h.
#pragma once

#include <duet/tree.h>

#include <initializer_list>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace duet::internal {

// What DUET_STRUCT tells of a struct S.
template <class S, class... M>
struct Members {
  std::tuple<M S::*...> pointers;
  const char* names;  ///< as written: "weight, bias"
};
template <class S, class... M>
constexpr Members<S, M...> MembersOf(const char* names, M S::*... pointers) {
  return {{pointers...}, names};
}
/// Takes the next name off a list as DUET_STRUCT has it.
std::string NextMember(const char*& names);
/// Throws ValueError when the fields at these addresses are not listed in the order of their declaration.
void CheckMemberOrder(const char* names, std::initializer_list<const void*> addresses);

struct AnyField {
  template <class T>
  operator T() const;
};
template <class S, std::size_t... I>
constexpr bool TakesFields(std::index_sequence<I...>) {
  return requires { S{((void)I, AnyField())...}; };
}

template <class S>
concept IsRegistered = requires(const S* s) { DuetMembers(s); };

template <IsRegistered S>
struct Tree<S> {
  static constexpr auto kMembers = DuetMembers(static_cast<const S*>(nullptr));
  static constexpr std::size_t kCount = std::tuple_size_v<decltype(kMembers.pointers)>;
  static_assert(std::is_aggregate_v<S>, "DUET_STRUCT takes a struct without constructors and private members");
  static_assert(!TakesFields<S>(std::make_index_sequence<kCount + 1>()),
                "DUET_STRUCT must list every field, in order, and takes no base class: what is left out would be lost");

  template <class F>
  static auto Apply(const S& s, F&& f) {
    return std::apply([&](auto... pointers) { return f(s.*pointers...); }, kMembers.pointers);
  }
  template <class M>
  using TreeOf = Tree<std::remove_cvref_t<M>>;

  template <class Flat>
  static void Flatten(const S& s, Flat& flat) {
    Apply(s, [&](const auto&... fields) { (TreeOf<decltype(fields)>::Flatten(fields, flat), ...); });
  }
  static S Replace(const S& s, Reader& reader) {
    return Apply(s, [&](const auto&... fields) {
      CheckMemberOrder(kMembers.names, {&fields...});
      return S{TreeOf<decltype(fields)>::Replace(fields, reader)...};
    });
  }
  template <class... M>
  static S Restore(Reader& reader, const Members<S, M...>&) {
    return S{Tree<M>::Restore(reader)...};
  }
  static S Restore(Reader& reader) { return Restore(reader, kMembers); }
  static void Describe(const S& s, Description& to) {
    const char* names = kMembers.names;
    Apply(s, [&](const auto&... fields) { (to.Part("." + NextMember(names), fields), ...); });
  }
};

}  // namespace duet::internal

/// Makes a struct an argument and result of functions: DUET_STRUCT(Layer, weight, bias) after its definition, in its
/// namespace. Lists every field, in order: Tensor, Variable, Static<T>, std::string, containers and other such structs.
#define DUET_STRUCT(Type, ...)                                                                            \
  [[maybe_unused]] constexpr auto DuetMembers(const Type*) {                                              \
    return ::duet::internal::MembersOf<Type>(#__VA_ARGS__ __VA_OPT__(, DUET_MEMBERS(Type, __VA_ARGS__))); \
  }
// Up to 24 fields.
#define DUET_MEMBERS(Type, ...) DUET_EXPAND(DUET_MEMBER(Type, __VA_ARGS__))
#define DUET_MEMBER(Type, field, ...) &Type::field __VA_OPT__(, DUET_MEMBER_AGAIN DUET_PARENTHESES(Type, __VA_ARGS__))
#define DUET_MEMBER_AGAIN() DUET_MEMBER
#define DUET_PARENTHESES ()
#define DUET_EXPAND(...) DUET_EXPAND3(DUET_EXPAND3(DUET_EXPAND3(__VA_ARGS__)))
#define DUET_EXPAND3(...) DUET_EXPAND2(DUET_EXPAND2(DUET_EXPAND2(__VA_ARGS__)))
#define DUET_EXPAND2(...) DUET_EXPAND1(DUET_EXPAND1(DUET_EXPAND1(__VA_ARGS__)))
#define DUET_EXPAND1(...) __VA_ARGS__
