// Dim, Shape: sizes of arrays. A Dim is a number or, while a function is traced with unknown sizes, a symbol or what
// arithmetic makes of symbols. Comparing one, or turning it into a number, asks for more than the trace knows: the
// answer is that of the sizes of the call, and the trace serves only calls that answer alike. At most kMaxRank axes,
// held inline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <type_traits>

namespace duet {

inline constexpr int kMaxRank = 8;

class Dim {
 public:
  constexpr Dim() = default;
  template <class T>
    requires std::is_integral_v<T>
  constexpr Dim(T value) : raw_(static_cast<std::int64_t>(value)) {
    if (is_symbol()) raw_ = kFirstSymbol + kMaxSymbols;  // the least number there is a place for
  }

  static constexpr Dim Symbol(int index) {
    Dim dim;
    dim.raw_ = kFirstSymbol + index;
    return dim;
  }
  /// Whether it is a symbol or holds one.
  constexpr bool is_symbol() const { return raw_ < kFirstSymbol + kMaxSymbols; }
  /// Which: from kFirstExpression on it is an expression of symbols.
  constexpr int symbol() const { return static_cast<int>(raw_ - kFirstSymbol); }
  static constexpr int kFirstExpression = 1 << 16;

  /// The number. Of a symbol: that of the sizes that the trace is made for, which then serves no others; throws
  /// TraceError outside a trace.
  constexpr operator std::int64_t() const { return is_symbol() ? NumberOfSymbol() : raw_; }

  /// Whether both are the same number or the same expression of symbols; asks nothing of the trace.
  constexpr bool same(Dim other) const { return raw_ == other.raw_; }

  Dim& operator+=(Dim other);
  Dim& operator-=(Dim other);
  Dim& operator*=(Dim other);

 private:
  static constexpr std::int64_t kFirstSymbol = INT64_MIN;
  static constexpr std::int64_t kMaxSymbols = std::int64_t{1} << 31;
  std::int64_t NumberOfSymbol() const;

  std::int64_t raw_ = 0;
};

namespace internal {

template <class A, class B>
concept OneIsDim = (std::is_same_v<A, Dim> && (std::is_same_v<B, Dim> || std::is_integral_v<B>)) ||
                   (std::is_integral_v<A> && std::is_same_v<B, Dim>);

enum class DimOp : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide };
Dim OfSymbols(DimOp op, Dim a, Dim b);
/// Whether a < b or, with or_equal, a <= b; whether a == b. Both ask the trace.
bool LessOfSymbols(Dim a, Dim b, bool or_equal);
bool EqualOfSymbols(Dim a, Dim b);

[[noreturn]] void ThrowDividedByZero(std::int64_t a);

constexpr std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  if (b == 0) ThrowDividedByZero(a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}
constexpr bool AnySymbol(Dim a, Dim b) { return a.is_symbol() || b.is_symbol(); }

}  // namespace internal

// Numbers as in C++, except that / rounds down, and % is what remains: 7 / 2 is 3, -7 / 2 is -4. Divided by 0: a
// ValueError.
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr Dim operator+(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::OfSymbols(internal::DimOp::kAdd, x, y)
                                   : Dim(std::int64_t{x} + std::int64_t{y});
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr Dim operator-(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::OfSymbols(internal::DimOp::kSubtract, x, y)
                                   : Dim(std::int64_t{x} - std::int64_t{y});
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr Dim operator*(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::OfSymbols(internal::DimOp::kMultiply, x, y)
                                   : Dim(std::int64_t{x} * std::int64_t{y});
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr Dim operator/(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::OfSymbols(internal::DimOp::kDivide, x, y)
                                   : Dim(internal::FloorDivide(x, y));
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr Dim operator%(A a, B b) {
  const Dim x = a, y = b;
  return x - x / y * y;
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr bool operator==(A a, B b) {
  const Dim x = a, y = b;
  return x.same(y) || (internal::AnySymbol(x, y) && internal::EqualOfSymbols(x, y));
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr bool operator<(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::LessOfSymbols(x, y, false) : std::int64_t{x} < std::int64_t{y};
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr bool operator<=(A a, B b) {
  const Dim x = a, y = b;
  return internal::AnySymbol(x, y) ? internal::LessOfSymbols(x, y, true) : std::int64_t{x} <= std::int64_t{y};
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr bool operator>(A a, B b) {
  return Dim(b) < Dim(a);
}
template <class A, class B>
  requires internal::OneIsDim<A, B>
constexpr bool operator>=(A a, B b) {
  return Dim(b) <= Dim(a);
}
inline Dim& Dim::operator+=(Dim other) { return *this = *this + other; }
inline Dim& Dim::operator-=(Dim other) { return *this = *this - other; }
inline Dim& Dim::operator*=(Dim other) { return *this = *this * other; }

/// In a Spec: a dimension of any size. Only there.
inline constexpr Dim dynamic = Dim::Symbol(INT32_MAX);

/// A list of at most kMaxRank dims: a shape, or one number per axis (starts, steps, axes).
class Shape {
 public:
  Shape() = default;
  /// Throws ShapeError, with the line, when there are more than kMaxRank.
  Shape(std::initializer_list<Dim> dims, std::source_location line = std::source_location::current()) {
    if (dims.size() > kMaxRank) ThrowTooManyAxes(dims.size(), line);
    for (Dim dim : dims) dims_[rank_++] = dim;
  }
  /// Throws ShapeError when rank is above kMaxRank.
  Shape(const Dim* dims, int rank);
  static Shape Filled(int rank, Dim dim);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  const Dim& operator[](int axis) const { return dims_[axis]; }
  Dim& operator[](int axis) { return dims_[axis]; }
  const Dim& back() const { return dims_[rank_ - 1]; }
  const Dim* begin() const { return dims_; }
  const Dim* end() const { return dims_ + rank_; }
  Dim* begin() { return dims_; }
  Dim* end() { return dims_ + rank_; }

  void push_back(Dim dim);
  void erase(int axis);
  void insert(int axis, Dim dim);

  /// The product of the dims. Checked when a tensor is made: it fits int64 for every shape of a live tensor.
  std::int64_t elements() const {
    std::int64_t count = 1;
    for (Dim dim : *this) count *= dim;
    return count;
  }
  bool has_symbols() const {
    for (Dim dim : *this)
      if (dim.is_symbol()) return true;
    return false;
  }
  bool contains(Dim dim) const {
    for (Dim d : *this)
      if (d == dim) return true;
    return false;
  }

  /// Whether the dims are the same numbers or expressions of symbols; asks nothing of the trace.
  bool same(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (!dims_[i].same(other.dims_[i])) return false;
    return true;
  }
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.dims_[i] != b.dims_[i]) return false;
    return true;
  }

 private:
  [[noreturn]] static void ThrowTooManyAxes(std::size_t rank, std::source_location line);

  Dim dims_[kMaxRank];
  int rank_ = 0;
};

/// `3`; symbols print as s0, s1, ..., expressions as `2*s0+1`, `(s0+1)/2`, dynamic as ?.
std::string to_string(Dim dim);
/// `[3,4]`.
std::string to_string(const Shape& shape);

}  // namespace duet
