// Trees: the types that functions, control flow and gradients take and return: Tensor, Variable, Static<T>, and tuples,
// pairs, arrays and vectors of them. Tree<T> takes a T apart into tensors and puts it together again.
#pragma once

#include <duet/tensor.h>
#include <duet/variable.h>

#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

/// An argument that is part of the signature: each value has its own trace. T is arithmetic, an enum or std::string.
template <class T>
struct Static {
  T value;
  Static(T v) : value(std::move(v)) {}
};

namespace internal {

/// The leaves of a call's arguments, and everything else that makes its signature.
struct FlatArguments {
  static constexpr int kInline = 16;
  const Tensor* inline_tensors[kInline];
  std::vector<const Tensor*> more_tensors;
  int tensor_count = 0;
  std::vector<std::uint64_t> variables;  ///< ids, in order: which arguments are the same variable
  std::vector<std::int64_t> structure;   ///< lengths of vectors
  std::string statics;                   ///< bytes of Static values, each with its length

  void Add(const Tensor& tensor) {
    if (tensor_count < kInline)
      inline_tensors[tensor_count] = &tensor;
    else
      more_tensors.push_back(&tensor);
    ++tensor_count;
  }
  const Tensor& tensor(int i) const {
    return *(i < kInline ? inline_tensors[i] : more_tensors[static_cast<std::size_t>(i - kInline)]);
  }
  void AddVariable(const Variable& variable);
  void AddBytes(const void* bytes, std::size_t count) {
    structure.push_back(static_cast<std::int64_t>(count));
    statics.append(static_cast<const char*>(bytes), count);
  }
};

/// The leaves of a result, and the lengths of its vectors.
struct FlatResults {
  std::vector<Tensor> tensors;
  std::vector<std::int64_t> structure;
};

struct Reader {
  const Tensor* next_tensor;
  const std::int64_t* next_length;
};

// Tree<T>: how a T is taken apart into tensors (Flatten) and put together again: as an argument, from new tensors and
// the original (Replace), and as a result (Restore).
template <class T>
struct Tree {
  static_assert(sizeof(T) == 0,
                "arguments and results of a duet::function are Tensor, Variable, Static<T>, and tuples, pairs, arrays "
                "and vectors of them; pass a number as Tensor (no retrace) or Static<T> (part of the signature)");
};

template <>
struct Tree<Tensor> {
  static void Flatten(const Tensor& t, FlatArguments& flat) { flat.Add(t); }
  static Tensor Replace(const Tensor&, Reader& reader) { return *reader.next_tensor++; }
  static void Flatten(const Tensor& t, FlatResults& flat) { flat.tensors.push_back(t); }
  static Tensor Restore(Reader& reader) { return *reader.next_tensor++; }
};

template <>
struct Tree<Variable> {
  static void Flatten(const Variable& v, FlatArguments& flat) { flat.AddVariable(v); }
  static const Variable& Replace(const Variable& v, Reader&) { return v; }
};

template <class T>
struct Tree<Static<T>> {
  static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>, "Static<T> holds a number, an enum or a std::string");
  static void Flatten(const Static<T>& s, FlatArguments& flat) { flat.AddBytes(&s.value, sizeof(T)); }
  static const Static<T>& Replace(const Static<T>& s, Reader&) { return s; }
};
template <>
struct Tree<Static<std::string>> {
  static void Flatten(const Static<std::string>& s, FlatArguments& flat) {
    flat.AddBytes(s.value.data(), s.value.size());
  }
  static const Static<std::string>& Replace(const Static<std::string>& s, Reader&) { return s; }
};

template <class T>
struct Tree<std::vector<T>> {
  template <class Flat>
  static void Flatten(const std::vector<T>& v, Flat& flat) {
    flat.structure.push_back(static_cast<std::int64_t>(v.size()));
    for (const T& item : v) Tree<T>::Flatten(item, flat);
  }
  static std::vector<T> Replace(const std::vector<T>& v, Reader& reader) {
    std::vector<T> replaced;
    for (const T& item : v) replaced.push_back(Tree<T>::Replace(item, reader));
    return replaced;
  }
  static std::vector<T> Restore(Reader& reader) {
    std::vector<T> restored;
    for (std::int64_t n = *reader.next_length++; n > 0; --n) restored.push_back(Tree<T>::Restore(reader));
    return restored;
  }
};

// Braced lists evaluate from left to right, so the leaves keep their order.
template <class Product, class... T>
struct ProductTree {
  template <class Flat>
  static void Flatten(const Product& p, Flat& flat) {
    std::apply([&](const auto&... items) { (Tree<T>::Flatten(items, flat), ...); }, p);
  }
  static Product Replace(const Product& p, Reader& reader) {
    return std::apply([&](const auto&... items) { return Product{Tree<T>::Replace(items, reader)...}; }, p);
  }
  static Product Restore(Reader& reader) { return Product{Tree<T>::Restore(reader)...}; }
};
template <class... T>
struct Tree<std::tuple<T...>> : ProductTree<std::tuple<T...>, T...> {};
template <class A, class B>
struct Tree<std::pair<A, B>> : ProductTree<std::pair<A, B>, A, B> {};
template <class T, std::size_t N>
struct Tree<std::array<T, N>> {
  template <class Flat>
  static void Flatten(const std::array<T, N>& a, Flat& flat) {
    for (const T& item : a) Tree<T>::Flatten(item, flat);
  }
  static std::array<T, N> Replace(const std::array<T, N>& a, Reader& reader) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{Tree<T>::Replace(a[I], reader)...};
    }(std::make_index_sequence<N>());
  }
  static std::array<T, N> Restore(Reader& reader) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{((void)I, Tree<T>::Restore(reader))...};
    }(std::make_index_sequence<N>());
  }
};

}  // namespace internal
}  // namespace duet
