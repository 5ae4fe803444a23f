// Tensor: an immutable n-dimensional value, row-major with strides; a cheap handle, passed and returned by value.
// Arg: what ops take: a Tensor, a Variable or a C++ number, with the line of the call. Index: NumPy's indexing.
#pragma once

#include <duet/dtype.h>
#include <duet/error.h>
#include <duet/shape.h>

#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace duet {

class Arg;
class Index;
class IndexedTensor;
class Variable;
struct TensorBody;

/// Whether a reduction keeps the reduced axes with size 1: `mean(x, -1, keepdims)`.
enum class KeepDims : bool { no, yes };
inline constexpr KeepDims keepdims = KeepDims::yes;

/// Axes of a reduction: one, several, or (the default) all. Negative ones count from the end.
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : list_{axis}, all_(false) {}
  Axes(std::initializer_list<int> axes) : all_(false) {
    for (int axis : axes) list_.push_back(axis);
  }
  void push_back(int axis) { list_.push_back(axis); }
  bool all() const { return all_; }
  const Shape& list() const { return list_; }

 private:
  Shape list_;
  bool all_ = true;
};

class Tensor {
 public:
  /// An empty handle. Any op on it throws ValueError.
  Tensor() = default;
  Tensor(const Tensor& other) : body_(other.body_) { Retain(); }
  Tensor(Tensor&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
  Tensor& operator=(const Tensor& other) & {
    Tensor(other).swap(*this);
    return *this;
  }
  Tensor& operator=(Tensor&& other) & noexcept {
    Tensor(std::move(other)).swap(*this);
    return *this;
  }
  template <class T>
  void operator=(const T&) && = delete;  // x(i) = y would change nothing: write x = x.at(i).set(y)
  ~Tensor() { Release(); }
  void swap(Tensor& other) noexcept { std::swap(body_, other.body_); }

  bool empty_handle() const { return body_ == nullptr; }
  DType dtype() const;
  const Shape& shape() const&;
  Shape shape() && { return std::as_const(*this).shape(); }  // what a temporary's reference would point to ends with it
  int rank() const { return shape().rank(); }
  /// Size of one axis; negative axes count from the end. Throws IndexError.
  Dim dim(int axis, SourceLocation line = SourceLocation::current()) const;
  /// Number of elements.
  Dim size() const;

  /// The one element, converted to U. Throws ShapeError when there is not exactly one, TraceError while traced.
  template <class U>
  U item(SourceLocation line = SourceLocation::current()) const;
  /// The elements in row-major order, without a copy: lives as long as this tensor. Throws DTypeError when U is not
  /// the stored type, ValueError when the elements do not lie side by side (see contiguous), TraceError while traced.
  template <class U>
  std::span<const U> span(SourceLocation line = SourceLocation::current()) const {
    return {static_cast<const U*>(Elements(dtype_of<U>, line)), static_cast<std::size_t>(size())};
  }
  /// Whether the one element is not zero. Throws as item does.
  explicit operator bool() const;

  /// Axes in reverse order.
  Tensor T(SourceLocation line = SourceLocation::current()) const;
  Tensor sum(const Axes& axes = {}, KeepDims keep = KeepDims::no,
             SourceLocation line = SourceLocation::current()) const;
  Tensor mean(const Axes& axes = {}, KeepDims keep = KeepDims::no,
              SourceLocation line = SourceLocation::current()) const;
  Tensor max(const Axes& axes = {}, KeepDims keep = KeepDims::no,
             SourceLocation line = SourceLocation::current()) const;
  Tensor min(const Axes& axes = {}, KeepDims keep = KeepDims::no,
             SourceLocation line = SourceLocation::current()) const;

  /// NumPy's basic indexing: ints, range(start, stop, step), newaxis, ellipsis. A view. Throws IndexError.
  Tensor operator()(const Index& i0) const;
  Tensor operator()(const Index& i0, const Index& i1) const;
  Tensor operator()(const Index& i0, const Index& i1, const Index& i2) const;
  Tensor operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3) const;
  Tensor operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3, const Index& i4) const;
  /// The place of x(...) for x.at(...).set(v): a new tensor, x stays.
  template <class... I>
  IndexedTensor at(const I&... indices) const;

  TensorBody* body() const { return body_; }
  static Tensor Adopt(TensorBody* body) {
    Tensor tensor;
    tensor.body_ = body;
    return tensor;
  }

 private:
  void Retain() const {
    if (body_) __atomic_fetch_add(reinterpret_cast<int*>(body_), 1, __ATOMIC_RELAXED);
  }
  void Release() {
    if (body_ && __atomic_fetch_sub(reinterpret_cast<int*>(body_), 1, __ATOMIC_ACQ_REL) == 1) Free(body_);
  }
  static void Free(TensorBody* body);
  const void* Elements(DType dtype, SourceLocation line) const;

  TensorBody* body_ = nullptr;  // its first member is the int reference count
};

/// An operand: a tensor, a variable's value, or a number, which takes the other operand's dtype (a float beside an
/// int tensor makes f32). Remembers the line of the call it is made in.
class Arg {
 public:
  Arg(const Tensor& tensor, SourceLocation line = SourceLocation::current()) : tensor_(&tensor), line_(line) {}
  Arg(const Variable& variable, SourceLocation line = SourceLocation::current());
  template <class U>
    requires std::is_arithmetic_v<U>
  Arg(U number, SourceLocation line = SourceLocation::current())
      : tensor_(nullptr),
        kind_(std::is_same_v<U, bool>       ? Kind::kBool
              : std::is_floating_point_v<U> ? Kind::kFloat
                                            : Kind::kInt),
        line_(line) {
    if constexpr (std::is_floating_point_v<U>)
      float_ = static_cast<double>(number);
    else
      int_ = static_cast<std::int64_t>(number);
  }

  /// A size, also one that a trace does not know.
  Arg(Dim size, SourceLocation line = SourceLocation::current())
      : tensor_(nullptr), size_(size), kind_(Kind::kInt), is_size_(true), line_(line) {}

  enum class Kind : std::uint8_t { kTensor, kBool, kInt, kFloat };
  Kind kind() const { return kind_; }
  bool is_number() const { return kind_ != Kind::kTensor; }
  const Tensor& tensor() const { return tensor_ ? *tensor_ : owned_; }
  double as_double() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(as_int()); }
  std::int64_t as_int() const { return is_size_ ? std::int64_t{size_} : int_; }
  Dim as_dim() const { return is_size_ ? size_ : Dim(int_); }
  SourceLocation line() const { return line_; }
  /// The tensor, or the number as a 0-d tensor of its default dtype (bool, i32 or, when it does not fit, i64, f32).
  Tensor value() const;

 private:
  const Tensor* tensor_;
  Tensor owned_;
  union {
    double float_;
    std::int64_t int_ = 0;
    Dim size_;
  };
  Kind kind_ = Kind::kTensor;
  bool is_size_ = false;
  SourceLocation line_;
};

/// A part of an axis: start, stop (not included), step; ends left out reach to the axis' ends.
struct Range {
  static constexpr Dim kOpen = dynamic;
  Dim start = kOpen, stop = kOpen;
  std::int64_t step = 1;
};
inline Range range() { return {}; }
inline Range range(Dim stop) { return {Range::kOpen, stop, 1}; }
inline Range range(Dim start, Dim stop, std::int64_t step = 1) { return {start, stop, step}; }

struct NewAxis {};
struct Ellipsis {};
inline constexpr NewAxis newaxis{};
inline constexpr Ellipsis ellipsis{};

class Index {
 public:
  template <class U>
    requires std::is_integral_v<U>
  Index(U at, SourceLocation line = SourceLocation::current()) : Index(Dim(at), line) {}
  Index(Dim at, SourceLocation line = SourceLocation::current()) : kind_(Kind::kAt), range_{at, 0, 1}, line_(line) {}
  Index(Range range, SourceLocation line = SourceLocation::current())
      : kind_(Kind::kRange), range_(range), line_(line) {}
  Index(NewAxis, SourceLocation line = SourceLocation::current()) : kind_(Kind::kNewAxis), line_(line) {}
  Index(Ellipsis, SourceLocation line = SourceLocation::current()) : kind_(Kind::kEllipsis), line_(line) {}

  enum class Kind : std::uint8_t { kAt, kRange, kNewAxis, kEllipsis };
  Kind kind() const { return kind_; }
  Dim at() const { return range_.start; }
  const Range& range() const { return range_; }
  SourceLocation line() const { return line_; }

 private:
  Kind kind_;
  Range range_;
  SourceLocation line_;
};

/// What x.at(...) names.
class IndexedTensor {
 public:
  IndexedTensor(Tensor tensor, std::vector<Index> indices) : tensor_(std::move(tensor)), indices_(std::move(indices)) {}
  /// The tensor with the named elements replaced by v, broadcast and cast to fit.
  Tensor set(const Arg& v) const;
  /// The tensor with v added to the named elements.
  Tensor add(const Arg& v) const;

 private:
  Tensor tensor_;
  std::vector<Index> indices_;
};

template <class... I>
IndexedTensor Tensor::at(const I&... indices) const {
  return IndexedTensor(*this, std::vector<Index>{Index(indices)...});
}

#define DUET_DTYPE(name, text, type, kind, bytes, bits, storage) DUET_ITEM_##storage(type)
#define DUET_ITEM_Full(type) \
  template <>                \
  type Tensor::item<type>(SourceLocation) const;
#define DUET_ITEM_Named(type)
#include <duet/dtypes.def>
#undef DUET_ITEM_Full
#undef DUET_ITEM_Named
#undef DUET_DTYPE

// Operators are ops: a + b is add(a, b), a / b divide, a % b remainder, a == b equal.
Tensor operator+(const Arg& x, const Arg& y);
Tensor operator-(const Arg& x, const Arg& y);
Tensor operator*(const Arg& x, const Arg& y);
Tensor operator/(const Arg& x, const Arg& y);
Tensor operator%(const Arg& x, const Arg& y);
Tensor operator==(const Arg& x, const Arg& y);
Tensor operator!=(const Arg& x, const Arg& y);
Tensor operator<(const Arg& x, const Arg& y);
Tensor operator<=(const Arg& x, const Arg& y);
Tensor operator>(const Arg& x, const Arg& y);
Tensor operator>=(const Arg& x, const Arg& y);
Tensor operator&(const Arg& x, const Arg& y);
Tensor operator|(const Arg& x, const Arg& y);
Tensor operator^(const Arg& x, const Arg& y);
Tensor operator<<(const Arg& x, const Arg& y);
Tensor operator>>(const Arg& x, const Arg& y);
Tensor operator-(const Arg& x);
Tensor operator~(const Arg& x);
Tensor operator!(const Arg& x);
Tensor operator!(const Tensor& x);  // beside the conversion to bool it must match exactly
Tensor& operator+=(Tensor& x, const Arg& y);
Tensor& operator-=(Tensor& x, const Arg& y);
Tensor& operator*=(Tensor& x, const Arg& y);
Tensor& operator/=(Tensor& x, const Arg& y);

/// Prints as NumPy does: shortest digits that read back, columns aligned, long axes abridged.
std::ostream& operator<<(std::ostream& out, const Tensor& tensor);
std::string to_string(const Tensor& tensor);

/// The same tensor with its elements side by side in row-major order; a copy only when they are not.
Tensor contiguous(const Tensor& x, SourceLocation line = SourceLocation::current());

/// Whether dtype, shape and the bits of every element are equal; a NaN equals a NaN. Not an op.
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace duet
