// Dim, Shape: sizes of arrays. A Dim is a number or, while a function is traced with unknown sizes, a symbol;
// turning a symbol into a number is what `int64_t(dim)` does, out of line. At most kMaxRank axes, held inline.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

namespace duet {

inline constexpr int kMaxRank = 8;

class Dim {
 public:
  constexpr Dim() = default;
  template <class T>
    requires std::is_integral_v<T>
  constexpr Dim(T value) : raw_(static_cast<std::int64_t>(value)) {}

  static constexpr Dim Symbol(int index) {
    Dim dim;
    dim.raw_ = kFirstSymbol + index;
    return dim;
  }
  constexpr bool is_symbol() const { return raw_ < kFirstSymbol + kMaxSymbols; }
  constexpr int symbol() const { return static_cast<int>(raw_ - kFirstSymbol); }

  /// The number. Of a symbol: throws TraceError.
  constexpr operator std::int64_t() const { return is_symbol() ? NumberOfSymbol() : raw_; }

  /// Whether both are the same number or the same symbol.
  constexpr bool same(Dim other) const { return raw_ == other.raw_; }

 private:
  static constexpr std::int64_t kFirstSymbol = INT64_MIN;
  static constexpr std::int64_t kMaxSymbols = std::int64_t{1} << 31;
  std::int64_t NumberOfSymbol() const;

  std::int64_t raw_ = 0;
};

/// In a Spec: a dimension of any size. Only there.
inline constexpr Dim dynamic = Dim::Symbol(INT32_MAX);

/// A list of at most kMaxRank dims: a shape, or one number per axis (starts, steps, axes).
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) : Shape(dims.begin(), static_cast<int>(dims.size())) {}
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
      if (d.same(dim)) return true;
    return false;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (!a.dims_[i].same(b.dims_[i])) return false;
    return true;
  }

 private:
  Dim dims_[kMaxRank];
  int rank_ = 0;
};

/// `3`; symbols print as s0, s1, ..., dynamic as ?.
std::string to_string(Dim dim);
/// `[3,4]`.
std::string to_string(const Shape& shape);

}  // namespace duet
