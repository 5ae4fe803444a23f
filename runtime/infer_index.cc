// Inference of Index (take, index_add, index_update), Source (constant, dimension, iota, random_bits) and Contract
// (matmul).
#include <duet/error.h>

#include "runtime/infer_rules.h"
#include "runtime/tensor_body.h"

namespace duet {
namespace {

void CheckIndices(const Type& indices) {
  if (indices.dtype != i32 && indices.dtype != i64)
    throw DTypeError(fmt::format("indices must be i32 or i64, not {}", name(indices.dtype)));
}

// x's shape with one axis replaced by the axes of the indices.
Shape TakenShape(const Shape& x, int axis, const Shape& indices) {
  const int rank = x.rank() - 1 + indices.rank();
  if (rank > kMaxRank)
    throw ShapeError(fmt::format("the result would have {} axes, at most {} are allowed", rank, kMaxRank));
  Shape result;
  for (int i = 0; i < axis; ++i) result.push_back(x[i]);
  for (Dim dim : indices) result.push_back(dim);
  for (int i = axis + 1; i < x.rank(); ++i) result.push_back(x[i]);
  return result;
}

}  // namespace

Type infer::Index(Op op, Operands operands, const Attributes& attributes) {
  const Type& x = *operands[0];
  const Type& indices = *operands[1];
  if (!Accepts(info(op).dtypes, x.dtype)) throw DTypeError(fmt::format("does not take {}", name(x.dtype)));
  CheckIndices(indices);
  const int axis = OneAxis(attributes.axes, x.shape.rank());
  Type taken{x.dtype, TakenShape(x.shape, axis, indices.shape)};
  CheckedBytes(taken);
  if (op == Op::take) return taken;
  const Type& y = *operands[2];
  CheckSameDType(x, y);
  if (y.shape != taken.shape)
    throw ShapeError(fmt::format("what is {} must have shape {}, not {}", op == Op::index_add ? "added" : "put in",
                                 to_string(taken.shape), to_string(y.shape)));
  return x;
}

Type infer::Source(Op op, Operands operands, const Attributes& attributes) {
  if (op == Op::constant) {
    if (attributes.data.empty_handle()) throw ValueError("has no data");
    return attributes.data.body()->type;
  }
  CheckRepresentable(attributes.dtype);
  if (op == Op::dimension) {
    CheckRank("shape", attributes.shape, 1);
    if (!Accepts(info(op).dtypes, attributes.dtype))
      throw DTypeError(fmt::format("does not make {}", name(attributes.dtype)));
    return {attributes.dtype, {}};
  }
  Type result{attributes.dtype, attributes.shape};
  CheckedBytes(result);
  if (op == Op::iota) {
    if (!Accepts(info(op).dtypes, attributes.dtype))
      throw DTypeError(fmt::format("does not make {}", name(attributes.dtype)));
    OneAxis(attributes.axes, attributes.shape.rank());
    return result;
  }
  if (operands[0]->dtype != i64 || !operands[0]->shape.empty())
    throw DTypeError(fmt::format("the key must be i64[], not {}", to_string(*operands[0])));
  if (attributes.dtype != i32 && attributes.dtype != i64)
    throw DTypeError(fmt::format("makes i32 or i64, not {}", name(attributes.dtype)));
  return result;
}

Type infer::Contract(const Type& x, const Type& y) {
  CheckSameDType(x, y);
  const int rank = x.shape.rank();
  if (rank < 2 || y.shape.rank() < 2) throw ShapeError("operands need at least 2 axes");
  if (y.shape.rank() != rank) throw ShapeError(fmt::format("operands differ in rank: {} and {}", rank, y.shape.rank()));
  for (int axis = 0; axis < rank - 2; ++axis)
    if (x.shape[axis] != y.shape[axis])
      throw ShapeError(fmt::format("leading sizes differ: {} and {}", to_string(x.shape), to_string(y.shape)));
  const Dim inner = x.shape[rank - 1], outer = y.shape[rank - 2];
  if (inner != outer)
    throw ShapeError(fmt::format("inner sizes differ: {} and {}", to_string(inner), to_string(outer)));
  Type result = x;
  result.shape[rank - 1] = y.shape[rank - 1];
  CheckedBytes(result);
  return result;
}

}  // namespace duet
