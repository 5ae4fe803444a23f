// The ops on tensors. The elementwise ones are made from ops.def, whose rows say what each does, on which dtypes and
// how accurately; operands are promoted and broadcast as in NumPy. Every op throws ShapeError, DTypeError, IndexError
// or ValueError with the op, the operands and the caller's line.
#pragma once

#include <duet/tensor.h>
#include <duet/variable.h>

#include <initializer_list>
#include <vector>

namespace duet {

// ---- elementwise, from the table: Tensor exp(const Arg& x); Tensor add(const Arg& x, const Arg& y); ...
#define DUET_OP(name, op_class, ...) DUET_DECLARE_##op_class(name)
#define DUET_DECLARE_Unary(name) Tensor name(const Arg& x);
#define DUET_DECLARE_Predicate(name) Tensor name(const Arg& x);
#define DUET_DECLARE_Binary(name) Tensor name(const Arg& x, const Arg& y);
#define DUET_DECLARE_Comparison(name) Tensor name(const Arg& x, const Arg& y);
#define DUET_DECLARE_Select(name)
#define DUET_DECLARE_Cast(name)
#define DUET_DECLARE_Reduce(name) Tensor name(const Arg& x, const Axes& axes = {}, KeepDims keep = KeepDims::no);
#define DUET_DECLARE_ArgReduce(name)
#define DUET_DECLARE_View(name)
#define DUET_DECLARE_Assemble(name)
#define DUET_DECLARE_Index(name)
#define DUET_DECLARE_Sort(name)
#define DUET_DECLARE_Source(name)
#define DUET_DECLARE_Contract(name)
#define DUET_DECLARE_Effect(name)
#define DUET_DECLARE_Region(name)
#define DUET_DECLARE_Host(name)
#include <duet/ops.def>
#undef DUET_DECLARE_Unary
#undef DUET_DECLARE_Predicate
#undef DUET_DECLARE_Binary
#undef DUET_DECLARE_Comparison
#undef DUET_DECLARE_Select
#undef DUET_DECLARE_Cast
#undef DUET_DECLARE_Reduce
#undef DUET_DECLARE_ArgReduce
#undef DUET_DECLARE_View
#undef DUET_DECLARE_Assemble
#undef DUET_DECLARE_Index
#undef DUET_DECLARE_Sort
#undef DUET_DECLARE_Source
#undef DUET_DECLARE_Contract
#undef DUET_DECLARE_Effect
#undef DUET_DECLARE_Region
#undef DUET_DECLARE_Host
#undef DUET_OP

/// x where condition holds, else y; x and y are promoted, all three broadcast.
Tensor where(const Arg& condition, const Arg& x, const Arg& y);
Tensor cast(const Arg& x, DType dtype);

// ---- reductions beside sum, prod, max, min, any, all
/// sum / number of elements; ints are cast to f32. NaN when empty.
Tensor mean(const Arg& x, const Axes& axes = {}, KeepDims keep = KeepDims::no);
/// Mean of the squared distance from the mean (two passes).
Tensor var(const Arg& x, const Axes& axes = {}, KeepDims keep = KeepDims::no);
/// Without an axis: over all elements in row-major order.
Tensor argmax(const Arg& x);
Tensor argmax(const Arg& x, int axis, KeepDims keep = KeepDims::no);
Tensor argmin(const Arg& x);
Tensor argmin(const Arg& x, int axis, KeepDims keep = KeepDims::no);
/// log(sum(exp(x))) without overflow.
Tensor logsumexp(const Arg& x, const Axes& axes = {}, KeepDims keep = KeepDims::no);

// ---- movement
/// One size may be -1: it is worked out.
Tensor reshape(const Arg& x, const Shape& shape);
/// Axes in reverse order.
Tensor transpose(const Arg& x);
/// Result axis i is x's axis axes[i].
Tensor transpose(const Arg& x, std::initializer_list<int> axes);
Tensor broadcast_to(const Arg& x, const Shape& shape);
/// start + i * step per axis, sizes[axis] elements; step 1 when left out.
Tensor slice(const Arg& x, const Shape& start, const Shape& sizes, const Shape& step = {});
Tensor flip(const Arg& x, const Axes& axes = {});
Tensor expand_dims(const Arg& x, int axis);
/// Drops axes of size 1: the given ones, or all.
Tensor squeeze(const Arg& x, const Axes& axes = {});

Tensor update_slice(const Arg& x, const Arg& y, const Shape& start, const Shape& step = {});
/// low and high: how many copies of value go before and after each axis.
Tensor pad(const Arg& x, const Shape& low, const Shape& high, const Arg& value = 0);
Tensor concatenate(const std::vector<Tensor>& tensors, int axis = 0, SourceLocation line = SourceLocation::current());
/// Joins along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0, SourceLocation line = SourceLocation::current());

/// x's slices along axis at the indices (i32 or i64; negative ones count from the end): x.shape with axis replaced by
/// indices.shape. Throws IndexError.
Tensor take(const Arg& x, const Arg& indices, int axis = 0);
/// x with y's slices added at the indices along axis, in the order of the indices. Throws IndexError.
Tensor index_add(const Arg& x, const Arg& indices, const Arg& y, int axis = 0);
/// x with its slices along axis at the indices replaced by y's; of equal indices the last wins. Throws IndexError.
Tensor index_update(const Arg& x, const Arg& indices, const Arg& y, int axis = 0);
Tensor sort(const Arg& x, int axis = -1);
Tensor argsort(const Arg& x, int axis = -1);

// ---- creation
Tensor zeros(const Shape& shape, DType dtype = f32, SourceLocation line = SourceLocation::current());
Tensor ones(const Shape& shape, DType dtype = f32, SourceLocation line = SourceLocation::current());
Tensor full(const Shape& shape, const Arg& value);
Tensor zeros_like(const Arg& x);
Tensor ones_like(const Arg& x);
Tensor eye(Dim n, DType dtype = f32, SourceLocation line = SourceLocation::current());
/// start, start + step, ... below stop: i32, i64 when a bound needs it.
Tensor arange(Dim stop, SourceLocation line = SourceLocation::current());
Tensor arange(Dim start, Dim stop, std::int64_t step = 1, SourceLocation line = SourceLocation::current());
/// Index along one axis.
Tensor iota(const Shape& shape, int axis, DType dtype = i64, SourceLocation line = SourceLocation::current());

namespace internal {
/// A contiguous tensor from elements of type `from` at data, stored as `to`.
Tensor MakeTensor(DType from, const void* data, const Shape& shape, DType to, SourceLocation line);
/// bool for bool, i32 or i64 for ints, f32 for floats: what a literal becomes.
template <class U>
inline constexpr DType kLiteralDType = std::is_floating_point_v<U>             ? f32
                                       : std::is_same_v<U, bool>               ? bool_
                                       : sizeof(U) <= 4 && std::is_signed_v<U> ? i32
                                                                               : i64;
/// Throws ShapeError when rows differ in length.
void CheckRow(std::int64_t length, std::int64_t wanted, SourceLocation line);
}  // namespace internal

/// A 0-d tensor: bool, i32 (i64 for wider types) or f32.
template <class U>
  requires std::is_arithmetic_v<U>
Tensor tensor(U number, SourceLocation line = SourceLocation::current()) {
  return internal::MakeTensor(dtype_of<U>, &number, {}, internal::kLiteralDType<U>, line);
}
template <class U>
  requires std::is_arithmetic_v<U>
Tensor tensor(U number, DType dtype, SourceLocation line = SourceLocation::current()) {
  return internal::MakeTensor(dtype_of<U>, &number, {}, dtype, line);
}
/// From nested lists of numbers: bool, i32 (i64 for wider types) or f32.
template <class U>
  requires std::is_arithmetic_v<U>
Tensor tensor(std::initializer_list<U> list, DType dtype = internal::kLiteralDType<U>,
              SourceLocation line = SourceLocation::current()) {
  return internal::MakeTensor(dtype_of<U>, list.begin(), {list.size()}, dtype, line);
}
template <class U>
  requires std::is_arithmetic_v<U>
Tensor tensor(std::initializer_list<std::initializer_list<U>> rows, DType dtype = internal::kLiteralDType<U>,
              SourceLocation line = SourceLocation::current()) {
  const auto columns = static_cast<std::int64_t>(rows.size() ? rows.begin()->size() : 0);
  std::vector<U> flat;
  for (const auto& row : rows) {
    internal::CheckRow(static_cast<std::int64_t>(row.size()), columns, line);
    flat.insert(flat.end(), row.begin(), row.end());
  }
  return internal::MakeTensor(dtype_of<U>, flat.data(), {rows.size(), columns}, dtype, line);
}
template <class U>
  requires std::is_arithmetic_v<U>
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<U>>> matrices,
              DType dtype = internal::kLiteralDType<U>, SourceLocation line = SourceLocation::current()) {
  const auto rows = static_cast<std::int64_t>(matrices.size() ? matrices.begin()->size() : 0);
  const auto columns = static_cast<std::int64_t>(rows ? matrices.begin()->begin()->size() : 0);
  std::vector<U> flat;
  for (const auto& matrix : matrices) {
    internal::CheckRow(static_cast<std::int64_t>(matrix.size()), rows, line);
    for (const auto& row : matrix) {
      internal::CheckRow(static_cast<std::int64_t>(row.size()), columns, line);
      flat.insert(flat.end(), row.begin(), row.end());
    }
  }
  return internal::MakeTensor(dtype_of<U>, flat.data(), {matrices.size(), rows, columns}, dtype, line);
}
/// From the elements of a vector, whose type is kept: float is f32, double f64, int i32.
template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, bool>)
Tensor tensor(const std::vector<U>& elements, DType dtype = dtype_of<U>,
              SourceLocation line = SourceLocation::current()) {
  return internal::MakeTensor(dtype_of<U>, elements.data(), {elements.size()}, dtype, line);
}
/// From elements in row-major order.
template <class U>
  requires(std::is_arithmetic_v<U> && !std::is_same_v<U, bool>)
Tensor tensor(const std::vector<U>& elements, const Shape& shape, DType dtype = dtype_of<U>,
              SourceLocation line = SourceLocation::current()) {
  if (shape.elements() != static_cast<std::int64_t>(elements.size()))
    internal::CheckRow(static_cast<std::int64_t>(elements.size()), shape.elements(), line);
  return internal::MakeTensor(dtype_of<U>, elements.data(), shape, dtype, line);
}

// ---- products and what networks are made of
/// As NumPy: 1-d operands are a row on the left, a column on the right; leading axes broadcast.
Tensor matmul(const Arg& x, const Arg& y);
Tensor one_hot(const Arg& indices, Dim classes, DType dtype = f32);
/// minimum(maximum(x, low), high).
Tensor clamp(const Arg& x, const Arg& low, const Arg& high);
/// 0.5 * x * (1 + erf(x / sqrt(2))).
Tensor gelu(const Arg& x);
/// x * sigmoid(x).
Tensor silu(const Arg& x);
Tensor softmax(const Arg& x, int axis = -1);
Tensor log_softmax(const Arg& x, int axis = -1);
/// (x - mean) / sqrt(var + epsilon) * scale + bias over the last axis.
Tensor layer_norm(const Arg& x, const Arg& scale, const Arg& bias, double epsilon = 1e-5);
/// Per example: -log_softmax(logits)[label]; logits [..., classes], integer labels [...].
Tensor softmax_cross_entropy(const Arg& logits, const Arg& labels);
Tensor mean_squared_error(const Arg& x, const Arg& y);

}  // namespace duet
