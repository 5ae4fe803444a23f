// sort and argsort: stable, ascending, NaN last.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <vector>

#include "eager/run_kernel.h"

namespace duet {
namespace {

template <class T>
bool Before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <class T>
void SortLine(Op op, std::vector<T>& line, std::vector<std::int64_t>& order, const ArrayRef& result,
              std::int64_t offset, std::int64_t stride) {
  if (op == Op::sort) {
    std::stable_sort(line.begin(), line.end(), Before<T>);
    T* to = reinterpret_cast<T*>(result.data) + offset;
    for (std::size_t i = 0; i < line.size(); ++i) to[static_cast<std::int64_t>(i) * stride] = line[i];
    return;
  }
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return Before(line[static_cast<std::size_t>(a)], line[static_cast<std::size_t>(b)]);
  });
  auto* to = reinterpret_cast<std::int64_t*>(result.data) + offset;
  for (std::size_t i = 0; i < order.size(); ++i) to[static_cast<std::int64_t>(i) * stride] = order[i];
}

template <class T>
void SortAs(Op op, int axis, const ArrayRef& operand, const ArrayRef& result) {
  const Shape& shape = operand.shape;
  const std::int64_t size = shape[axis];
  std::int64_t lines = 1;
  for (int i = 0; i < shape.rank(); ++i)
    if (i != axis) lines *= shape[i];
  std::vector<T> line(static_cast<std::size_t>(size));
  std::vector<std::int64_t> order(line.size());
  for (std::int64_t n = 0; n < lines; ++n) {
    std::int64_t rest = n, from = 0, to = 0;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      if (i == axis) continue;
      from += rest % shape[i] * operand.strides[i];
      to += rest % shape[i] * result.strides[i];
      rest /= shape[i];
    }
    const T* source = reinterpret_cast<const T*>(operand.data) + from;
    for (std::int64_t i = 0; i < size; ++i) line[static_cast<std::size_t>(i)] = source[i * operand.strides[axis]];
    SortLine(op, line, order, result, to, result.strides[axis]);
  }
}

}  // namespace

void RunSort(Op op, int axis, const ArrayRef& operand, const ArrayRef& result) {
  switch (operand.dtype) {
    case DType::i32:
      return SortAs<std::int32_t>(op, axis, operand, result);
    case DType::i64:
      return SortAs<std::int64_t>(op, axis, operand, result);
    case DType::f32:
      return SortAs<float>(op, axis, operand, result);
    default:
      return SortAs<double>(op, axis, operand, result);
  }
}

}  // namespace duet
