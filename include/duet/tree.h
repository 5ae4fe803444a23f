// Trees: the types that functions, control flow and gradients take and return: Tensor, Variable, Static<T>,
// std::string, and tuples, pairs, arrays, vectors, optionals and maps of them, and structs named by DUET_STRUCT.
// Tree<T> takes a T apart into tensors and puts it together again.
#pragma once

#include <duet/tensor.h>
#include <duet/variable.h>

#include <array>
#include <string>
#include <string_view>
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

/// What is neither a tensor nor a variable: lengths, which optionals are set, keys, static values.
struct FlatRest {
  std::vector<std::int64_t> structure;  ///< lengths of vectors, maps, strings and static values
  std::string statics;                  ///< bytes of keys and static values, one after the other

  void AddCount(std::size_t count) { structure.push_back(static_cast<std::int64_t>(count)); }
  void AddBytes(const void* bytes, std::size_t count) {
    AddCount(count);
    statics.append(static_cast<const char*>(bytes), count);
  }
};

/// The leaves of a call's arguments, and everything else that makes its signature.
struct FlatArguments : FlatRest {
  static constexpr int kInline = 16;
  const Tensor* inline_tensors[kInline];
  std::vector<const Tensor*> more_tensors;
  int tensor_count = 0;
  std::vector<std::uint64_t> variables;  ///< ids, in order: which arguments are the same variable

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
  void Add(const Variable& variable);
};

/// The leaves of a result and the rest of it.
struct FlatResults : FlatRest {
  std::vector<Tensor> tensors;
  std::vector<Variable> variables;

  void Add(const Tensor& tensor) { tensors.push_back(tensor); }
  void Add(const Variable& variable) { variables.push_back(variable); }
};

/// Walks over leaves, in order, to put a value together.
struct Reader {
  const Tensor* next_tensor;
  const std::int64_t* next_length = nullptr;
  const char* next_byte = nullptr;
  const Variable* next_variable = nullptr;

  explicit Reader(const Tensor* tensors, const std::int64_t* lengths = nullptr)
      : next_tensor(tensors), next_length(lengths) {}
  explicit Reader(const FlatResults& flat)
      : next_tensor(flat.tensors.data()),
        next_length(flat.structure.data()),
        next_byte(flat.statics.data()),
        next_variable(flat.variables.data()) {}

  std::string_view Bytes() {
    const auto count = static_cast<std::size_t>(*next_length++);
    return {std::exchange(next_byte, next_byte + count), count};
  }
};

/// What a value is made of, for messages: each leaf by its path (`x.weight`, `x["first"]`, `x[2]`). Made only when a
/// call is traced or refused.
class Description {
 public:
  struct Item {
    enum class Kind : std::uint8_t { kTensor, kVariable, kStatic, kCount };
    Kind kind;
    std::string path, text;
  };
  std::vector<Item> items;
  std::string path;  ///< of what is described next

  void Add(const Tensor& tensor);
  void Add(const Variable& variable);
  void AddStatic(double number);
  void AddStatic(std::int64_t number);
  void AddStatic(const std::string& text);
  void AddCount(std::size_t count, const char* what);

  template <class T>
  void Part(const std::string& step, const T& part);
};

// Tree<T>: how a T is taken apart into tensors (Flatten) and put together again: as an argument, from new tensors and
// the original (Replace), and as a result (Restore).
template <class T>
inline constexpr bool kIsNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T>
inline constexpr bool kIsText = std::is_convertible_v<T, std::string_view>;

// What is no tree: says what to write instead. The members are there so that a compiler says no more than that.
template <class T>
struct Tree {
  static_assert(!kIsNumber<T>,
                "a number is no tree of tensors: take or return a Tensor (numbers convert, no retrace), or take a "
                "Static<T> (each value has its own trace)");
  static_assert(!kIsText<T>, "text is a std::string in arguments and results: each has its own trace");
  static_assert(!std::is_same_v<T, Arg>,
                "an op of duet takes a duet::Arg, which is no tree of tensors: wrap it, [](const Tensor& x) { return "
                "duet::exp(x); }");
  static_assert(
      !std::is_class_v<T> || kIsText<T> || std::is_same_v<T, Arg>,
      "this type is no tree of tensors: name the fields of a struct of your own by DUET_STRUCT(Type, fields...) "
      "after its definition, in its namespace. Trees are Tensor, Variable, Static<T>, std::string, and tuples, "
      "pairs, arrays, vectors, optionals, maps and DUET_STRUCTs of them");
  static_assert(
      std::is_class_v<T> || kIsNumber<T> || kIsText<T>,
      "arguments and results are values: Tensor, Variable, Static<T>, std::string, and tuples, pairs, arrays, "
      "vectors, optionals, maps and DUET_STRUCTs of them");

  template <class Flat>
  static void Flatten(const T& value, Flat& flat);
  static T Replace(const T& value, Reader& reader);
  static T Restore(Reader& reader);
  static void Describe(const T& value, Description& to);
};

template <>
struct Tree<Tensor> {
  template <class Flat>
  static void Flatten(const Tensor& t, Flat& flat) {
    flat.Add(t);
  }
  static Tensor Replace(const Tensor&, Reader& reader) { return *reader.next_tensor++; }
  static Tensor Restore(Reader& reader) { return *reader.next_tensor++; }
  static void Describe(const Tensor& t, Description& to) { to.Add(t); }
};

template <>
struct Tree<Variable> {
  template <class Flat>
  static void Flatten(const Variable& v, Flat& flat) {
    flat.Add(v);
  }
  static const Variable& Replace(const Variable& v, Reader&) { return v; }
  static const Variable& Restore(Reader& reader) { return *reader.next_variable++; }
  static void Describe(const Variable& v, Description& to) { to.Add(v); }
};

// A value that is part of the signature: its bytes.
template <class T>
struct StaticTree {
  static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>, "Static<T> holds a number, an enum or a std::string");
  template <class Flat>
  static void Flatten(const T& value, Flat& flat) {
    flat.AddBytes(&value, sizeof(T));
  }
  static const T& Replace(const T& value, Reader&) { return value; }
  static T Restore(Reader& reader) {
    T value;
    reader.Bytes().copy(reinterpret_cast<char*>(&value), sizeof(T));
    return value;
  }
  static void Describe(const T& value, Description& to) {
    if constexpr (std::is_floating_point_v<T>)
      to.AddStatic(static_cast<double>(value));
    else
      to.AddStatic(static_cast<std::int64_t>(value));
  }
};
template <>
struct StaticTree<std::string> {
  template <class Flat>
  static void Flatten(const std::string& value, Flat& flat) {
    flat.AddBytes(value.data(), value.size());
  }
  static const std::string& Replace(const std::string& value, Reader&) { return value; }
  static std::string Restore(Reader& reader) { return std::string(reader.Bytes()); }
  static void Describe(const std::string& value, Description& to) { to.AddStatic(value); }
};
template <>
struct Tree<std::string> : StaticTree<std::string> {};

template <class T>
struct Tree<Static<T>> {
  template <class Flat>
  static void Flatten(const Static<T>& s, Flat& flat) {
    StaticTree<T>::Flatten(s.value, flat);
  }
  static const Static<T>& Replace(const Static<T>& s, Reader&) { return s; }
  static Static<T> Restore(Reader& reader) { return StaticTree<T>::Restore(reader); }
  static void Describe(const Static<T>& s, Description& to) { StaticTree<T>::Describe(s.value, to); }
};

template <class T>
struct Tree<std::vector<T>> {
  template <class Flat>
  static void Flatten(const std::vector<T>& v, Flat& flat) {
    flat.AddCount(v.size());
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
  static void Describe(const std::vector<T>& v, Description& to) {
    to.AddCount(v.size(), "item");
    std::size_t i = 0;
    for (const T& item : v) to.Part("[" + std::to_string(i++) + "]", item);
  }
};

// Known by what they can do, so that <map> and <optional> need not be read here.
template <class M>
concept IsMap = requires(M map, typename M::key_type key, typename M::mapped_type value, typename M::key_compare) {
  map.emplace(std::move(key), std::move(value));
  map.begin()->second;
};
template <class O>
concept IsOptional = requires(const O& optional, typename O::value_type value) {
  O(std::move(value));
  { optional.has_value() } -> std::same_as<bool>;
  *optional;
};

/// std::map and what works like it. The keys are part of the signature: strings, integers or enums.
template <IsMap M>
struct Tree<M> {
  using Key = typename M::key_type;
  using T = typename M::mapped_type;
  static_assert(std::is_integral_v<Key> || std::is_enum_v<Key> || std::is_same_v<Key, std::string>,
                "the keys of a map in a duet::function are strings, integers or enums");

  template <class Flat>
  static void Flatten(const M& map, Flat& flat) {
    flat.AddCount(map.size());
    for (const auto& [key, value] : map) {
      StaticTree<Key>::Flatten(key, flat);
      Tree<T>::Flatten(value, flat);
    }
  }
  static M Replace(const M& map, Reader& reader) {
    M replaced;
    for (const auto& [key, value] : map) replaced.emplace(key, Tree<T>::Replace(value, reader));
    return replaced;
  }
  static M Restore(Reader& reader) {
    M restored;
    for (std::int64_t n = *reader.next_length++; n > 0; --n) {
      Key key = StaticTree<Key>::Restore(reader);
      restored.emplace(std::move(key), Tree<T>::Restore(reader));
    }
    return restored;
  }
  static void Describe(const M& map, Description& to) {
    to.AddCount(map.size(), "entry");
    for (const auto& [key, value] : map) {
      if constexpr (std::is_same_v<Key, std::string>)
        to.Part("[\"" + key + "\"]", value);
      else
        to.Part("[" + std::to_string(static_cast<std::int64_t>(key)) + "]", value);
    }
  }
};

template <IsOptional O>
struct Tree<O> {
  using T = typename O::value_type;
  template <class Flat>
  static void Flatten(const O& optional, Flat& flat) {
    flat.AddCount(optional.has_value());
    if (optional.has_value()) Tree<T>::Flatten(*optional, flat);
  }
  static O Replace(const O& optional, Reader& reader) {
    if (!optional.has_value()) return O();
    return O(Tree<T>::Replace(*optional, reader));
  }
  static O Restore(Reader& reader) {
    if (*reader.next_length++ == 0) return O();
    return O(Tree<T>::Restore(reader));
  }
  static void Describe(const O& optional, Description& to) {
    to.AddCount(optional.has_value(), "value");
    if (optional.has_value()) to.Part("", *optional);
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
  static void Describe(const Product& p, Description& to) {
    [[maybe_unused]] std::size_t i = 0;
    std::apply([&](const auto&... items) { (to.Part("[" + std::to_string(i++) + "]", items), ...); }, p);
  }
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
  static void Describe(const std::array<T, N>& a, Description& to) {
    for (std::size_t i = 0; i < N; ++i) to.Part("[" + std::to_string(i) + "]", a[i]);
  }
};

template <class T>
void Description::Part(const std::string& step, const T& part) {
  const std::size_t length = path.size();
  path += step;
  Tree<T>::Describe(part, *this);
  path.resize(length);
}

template <class R>
std::decay_t<R> RestoreResult(const FlatResults& results) {
  if constexpr (!std::is_void_v<R>) {
    Reader reader(results);
    return Tree<std::decay_t<R>>::Restore(reader);
  }
}
/// The same of results that nobody else needs: a tensor is handed on.
template <class R>
std::decay_t<R> RestoreResult(FlatResults&& results) {
  if constexpr (std::is_same_v<std::decay_t<R>, Tensor>)
    return std::move(results.tensors.front());
  else
    return RestoreResult<R>(std::as_const(results));
}

}  // namespace internal
}  // namespace duet

#include <duet/struct.h>
