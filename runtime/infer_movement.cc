// Inference of movement: View (reshape, transpose, broadcast_to, slice, flip) and Assemble (update_slice, pad,
// concatenate).
#include <duet/error.h>

#include <algorithm>

#include "runtime/infer_rules.h"

namespace duet {
namespace {

bool SameElements(const Shape& a, const Shape& b) {
  if (!a.has_symbols() && !b.has_symbols()) return CheckedElements(a) == CheckedElements(b);
  CheckedElements(b);
  return ElementsOf(a) == ElementsOf(b);
}

Shape Transposed(const Shape& shape, const Shape& axes) {
  infer::CheckRank("axes", axes, shape.rank());
  unsigned seen = 0;
  Shape result = shape;
  for (int i = 0; i < axes.rank(); ++i) {
    if (axes[i] < 0 || axes[i] >= shape.rank())
      throw IndexError(fmt::format("axis {} is out of range for rank {}", std::int64_t{axes[i]}, shape.rank()));
    const int axis = static_cast<int>(std::int64_t{axes[i]});
    if (seen >> axis & 1u) throw ValueError(fmt::format("axis {} is given twice", axis));
    seen |= 1u << axis;
    result[i] = shape[axis];
  }
  return result;
}

// One axis of pad and concatenate.
Dim AddSizes(Dim size, Dim more) {
  if (size.is_symbol() || more.is_symbol()) return size + more;
  std::int64_t sum;
  if (__builtin_add_overflow(std::int64_t{size}, std::int64_t{more}, &sum))
    throw OutOfMemoryError("a size exceeds memory");
  return sum;
}

Type Pad(const Type& x, const Type& y, const Attributes& attributes) {
  infer::CheckSameDType(x, y);
  if (!y.shape.empty()) throw ShapeError(fmt::format("the filling value must be 0-d, not {}", to_string(y.shape)));
  infer::CheckRank("low", attributes.low, x.shape.rank());
  infer::CheckRank("high", attributes.high, x.shape.rank());
  Type result = x;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    const Dim low = attributes.low[axis], high = attributes.high[axis];
    if (low < 0 || high < 0) throw ValueError(fmt::format("axis {} is padded by a negative size", axis));
    result.shape[axis] = AddSizes(AddSizes(x.shape[axis], low), high);
  }
  return result;
}

Type Concatenate(infer::Operands operands, const Attributes& attributes) {
  if (operands.empty()) throw ValueError("needs at least one operand");
  Type result = *operands[0];
  const int axis = infer::OneAxis(attributes.axes, result.shape.rank());
  for (const Type* operand : operands.subspan(1)) {
    infer::CheckSameDType(*operands[0], *operand);
    const Shape& shape = operand->shape;
    bool fits = shape.rank() == result.shape.rank();
    for (int i = 0; fits && i < shape.rank(); ++i) fits = i == axis || shape[i] == result.shape[i];
    if (!fits)
      throw ShapeError(fmt::format("shapes differ beside axis {}: {} and {}", axis, to_string(operands[0]->shape),
                                   to_string(shape)));
    result.shape[axis] = AddSizes(result.shape[axis], shape[axis]);
  }
  return result;
}

// Whether element size - 1 of a slice lies in the axis.
bool LastFits(Dim first, Dim size, std::int64_t by, Dim extent) {
  if (first.is_symbol() || size.is_symbol() || extent.is_symbol()) {
    const Dim last = first + (size - 1) * by;
    return last >= 0 && last < extent;
  }
  std::int64_t last;
  return !__builtin_mul_overflow(std::int64_t{size} - 1, by, &last) &&
         !__builtin_add_overflow(last, std::int64_t{first}, &last) && last >= 0 && last < extent;
}

}  // namespace

void infer::CheckSlice(const Shape& shape, const Shape& start, const Shape& sizes, const Shape& step,
                       bool forward_only) {
  CheckRank("start", start, shape.rank());
  CheckRank("shape", sizes, shape.rank());
  CheckRank("step", step, shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const Dim first = start[axis];
    const std::int64_t by = step[axis];
    if (by == 0) throw ValueError(fmt::format("step of axis {} is 0", axis));
    if (forward_only && by < 0) throw ValueError(fmt::format("step of axis {} is negative", axis));
    if (sizes[axis].same(shape[axis]) && first.same(0) && by == 1) continue;  // all of it: also of an unknown size
    const Dim size = sizes[axis], extent = shape[axis];
    if (size < 0) throw ShapeError(fmt::format("sizes must not be negative: {}", to_string(sizes)));
    if (size == 0) continue;
    if (first < 0 || first >= extent || !LastFits(first, size, by, extent))
      throw IndexError(fmt::format("{} elements from {} by {} leave axis {} of size {}", to_string(size),
                                   to_string(first), by, axis, to_string(extent)));
  }
}

Type infer::View(Op op, const Type& x, const Attributes& attributes) {
  Type result{x.dtype, attributes.shape};
  if (op == Op::reshape) {
    if (!SameElements(x.shape, attributes.shape))
      throw ShapeError(fmt::format("{} and {} differ in elements", to_string(x.shape), to_string(attributes.shape)));
  } else if (op == Op::transpose) {
    result.shape = Transposed(x.shape, attributes.axes);
  } else if (op == Op::broadcast_to) {
    CheckedBytes(result);
    if (!CanBroadcast(x.shape, attributes.shape))
      throw ShapeError(fmt::format("{} does not broadcast to {}", to_string(x.shape), to_string(attributes.shape)));
  } else if (op == Op::slice) {
    CheckSlice(x.shape, attributes.start, attributes.shape, attributes.step, /*forward_only=*/false);
  } else {
    CheckAxes(attributes.axes, x.shape.rank());
    result.shape = x.shape;
  }
  CheckedBytes(result);
  return result;
}

Type infer::Assemble(Op op, Operands operands, const Attributes& attributes) {
  Type result;
  if (op == Op::update_slice) {
    CheckSameDType(*operands[0], *operands[1]);
    CheckSlice(operands[0]->shape, attributes.start, operands[1]->shape, attributes.step, /*forward_only=*/true);
    return *operands[0];
  }
  result = op == Op::pad ? Pad(*operands[0], *operands[1], attributes) : Concatenate(operands, attributes);
  CheckedBytes(result);
  return result;
}

}  // namespace duet
