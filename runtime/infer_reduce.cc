// Inference of reductions: Reduce, ArgReduce, Sort.
#include <duet/error.h>

#include "runtime/infer_rules.h"

namespace duet {
namespace {

void CheckNotEmpty(const Shape& shape, const Shape& axes) {
  for (Dim axis : axes)
    if (shape[static_cast<int>(std::int64_t{axis})].same(0))
      throw ValueError(fmt::format("has no identity: axis {} is empty", std::int64_t{axis}));
}

// The order of a reduction's elements is row-major over the reduced axes; kernels see them as one. Public functions
// transpose others to the end first.
void CheckAdjacent(const Shape& axes) {
  for (int i = 1; i < axes.rank(); ++i)
    if (!axes[i].same(std::int64_t{axes[i - 1]} + 1))
      throw ValueError(fmt::format("reduced axes {} do not lie side by side: transpose first", to_string(axes)));
}

}  // namespace

DType AccumulatedDType(DType dtype) {
  switch (info(dtype).kind) {
    case DTypeKind::Bool:
    case DTypeKind::Signed:
      return i64;
    case DTypeKind::Unsigned:
      return u64;
    case DTypeKind::Float:
      return dtype;
  }
  __builtin_unreachable();
}

Type infer::Reduce(Op op, const Type& x, const Attributes& attributes) {
  CheckAxes(attributes.axes, x.shape.rank());
  CheckAdjacent(attributes.axes);
  if (op == Op::max || op == Op::min) CheckNotEmpty(x.shape, attributes.axes);
  const bool accumulates = op == Op::sum || op == Op::prod;
  Type result{accumulates ? AccumulatedDType(x.dtype) : x.dtype, ReducedShape(x.shape, attributes.axes)};
  CheckedBytes(result);
  return result;
}

Type infer::ArgReduce(const Type& x, const Attributes& attributes) {
  OneAxis(attributes.axes, x.shape.rank());
  CheckNotEmpty(x.shape, attributes.axes);
  Type result{i64, ReducedShape(x.shape, attributes.axes)};
  CheckedBytes(result);
  return result;
}

Type infer::Sort(Op op, const Type& x, const Attributes& attributes) {
  OneAxis(attributes.axes, x.shape.rank());
  Type result{op == Op::argsort ? i64 : x.dtype, x.shape};
  CheckedBytes(result);
  return result;
}

}  // namespace duet
