// Sizes, broadcasting and axes: the checks that inference and the public ops share.
#include <duet/error.h>

#include <algorithm>

#include "runtime/infer_rules.h"
#include "runtime/steps_between.h"
#include "runtime/symbols.h"

namespace duet {
namespace {

[[noreturn, gnu::cold]] void ThrowTooLarge(const Shape& shape, const char* dtype) {
  throw OutOfMemoryError(fmt::format("size of {}{} exceeds memory", dtype, to_string(shape)));
}

bool MultiplySizes(const Shape& shape, std::int64_t* count) {
  bool fits = true, empty = false;
  *count = 1;
  for (Dim dim : shape) {
    if (dim.is_symbol()) {
      if (SymbolScope::Current() && dim < 0)
        throw ShapeError(fmt::format("sizes must not be negative: {}", to_string(shape)));
      continue;
    }
    const std::int64_t size = dim;
    if (size < 0) throw ShapeError(fmt::format("sizes must not be negative: {}", to_string(shape)));
    empty |= size == 0;
    fits = fits && !__builtin_mul_overflow(*count, size, count);
  }
  if (empty) *count = 0;  // a size of 0 makes any other size fit
  return fits || empty;
}

}  // namespace

std::int64_t CheckedElements(const Shape& shape) {
  std::int64_t count;
  if (!MultiplySizes(shape, &count)) ThrowTooLarge(shape, "");
  return count;
}

std::int64_t CheckedBytes(const Type& type) {
  std::int64_t count;
  if (!MultiplySizes(type.shape, &count) || count > kMaxBytes / bytes_of(type.dtype))
    ThrowTooLarge(type.shape, name(type.dtype));
  return count * bytes_of(type.dtype);
}

Dim ElementsOf(const Shape& shape) {
  Dim count = 1;
  for (Dim dim : shape) count *= dim;
  return count;
}

Dim StepsBetween(Dim start, Dim stop, std::int64_t step) {
  constexpr std::int64_t kLongest = std::int64_t{1} << 62;  // no size is larger
  const Dim low = step > 0 ? start : stop, high = step > 0 ? stop : start;
  if (low.is_symbol() || high.is_symbol()) {
    const std::int64_t stride = step > 0 ? std::min(step, kLongest) : -std::max(step, -kLongest);
    const Dim distance = high - low;
    return distance <= 0 ? Dim(0) : (distance + (stride - 1)) / stride;
  }
  if (high <= low) return 0;
  const auto size = [](std::int64_t x) { return static_cast<std::uint64_t>(x); };
  const std::uint64_t count = (size(high) - size(low) - 1) / (step > 0 ? size(step) : -size(step)) + 1;
  if (count > size(INT64_MAX)) throw OutOfMemoryError("a size exceeds memory");
  return count;
}

Shape BroadcastShapes(const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int shift = longer.rank() - shorter.rank();
  Shape result = longer;
  for (int i = 0; i < shorter.rank(); ++i) {
    const Dim p = longer[shift + i], q = shorter[i];
    if (p.same(q) || q.same(1)) continue;
    if (!p.same(1) && p != q) throw ShapeError(fmt::format("{} and {} do not broadcast", to_string(a), to_string(b)));
    if (!q.is_symbol() || p.same(1)) result[shift + i] = q;
  }
  return result;
}

bool CanBroadcast(const Shape& from, const Shape& to) {
  const int shift = to.rank() - from.rank();
  if (shift < 0) return false;
  for (int i = 0; i < from.rank(); ++i)
    if (!from[i].same(1) && from[i] != to[shift + i]) return false;
  return true;
}

int NormalizeAxis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) throw IndexError(fmt::format("axis {} is out of range for rank {}", axis, rank));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape NormalizeAxes(const Shape& axes, int rank) {
  bool chosen[kMaxRank] = {};
  for (Dim axis : axes) {
    const int at = NormalizeAxis(axis, rank);
    if (chosen[at]) throw ValueError(fmt::format("axis {} is given twice", at));
    chosen[at] = true;
  }
  Shape result;
  for (int axis = 0; axis < rank; ++axis)
    if (chosen[axis]) result.push_back(axis);
  return result;
}

Shape AllAxes(int rank) {
  Shape result;
  for (int axis = 0; axis < rank; ++axis) result.push_back(axis);
  return result;
}

Shape ReducedShape(const Shape& shape, const Shape& axes, KeepDims keep) {
  Shape result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!axes.contains(axis))
      result.push_back(shape[axis]);
    else if (keep == KeepDims::yes)
      result.push_back(1);
  }
  return result;
}

Shape ResolveReshape(const Shape& from, const Shape& to) {
  Shape result = to;
  int open = -1;
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (!to[axis].same(-1)) continue;
    if (open >= 0) throw ShapeError(fmt::format("only one size of {} can be -1", to_string(to)));
    open = axis;
  }
  if (open < 0) return result;
  result[open] = 1;
  CheckedElements(result);
  const Dim known = ElementsOf(result), count = ElementsOf(from);
  if (known == 0 || count % known != 0)
    throw ShapeError(fmt::format("{} cannot take the shape {}", to_string(from), to_string(to)));
  result[open] = count / known;
  return result;
}

int infer::OneAxis(const Shape& axes, int rank) {
  if (axes.rank() != 1) throw ValueError(fmt::format("needs one axis, not {}", axes.rank()));
  if (axes[0] < 0 || axes[0] >= rank)
    throw IndexError(fmt::format("axis {} is out of range for rank {}", std::int64_t{axes[0]}, rank));
  return static_cast<int>(std::int64_t{axes[0]});
}

void infer::CheckAxes(const Shape& axes, int rank) {
  for (int i = 0; i < axes.rank(); ++i) {
    if (axes[i] < 0 || axes[i] >= rank)
      throw IndexError(fmt::format("axis {} is out of range for rank {}", std::int64_t{axes[i]}, rank));
    if (i > 0 && axes[i] <= axes[i - 1]) throw ValueError(fmt::format("axes must ascend: {}", to_string(axes)));
  }
}

void infer::CheckRank(const char* what, const Shape& list, int rank) {
  if (list.rank() != rank) throw ShapeError(fmt::format("{} needs {} entries, not {}", what, rank, list.rank()));
}

}  // namespace duet
