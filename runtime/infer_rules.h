// The rules of InferType, one per op class, and the sentences they share. Included by runtime/infer*.cc only.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string>

#include "runtime/infer.h"

namespace duet::infer {

using Operands = std::span<const Type* const>;

Type Reduce(Op op, const Type& x, const Attributes& attributes);
Type ArgReduce(const Type& x, const Attributes& attributes);
Type View(Op op, const Type& x, const Attributes& attributes);
Type Assemble(Op op, Operands operands, const Attributes& attributes);
Type Index(Op op, Operands operands, const Attributes& attributes);
Type Sort(Op op, const Type& x, const Attributes& attributes);
Type Source(Op op, Operands operands, const Attributes& attributes);
Type Contract(const Type& x, const Type& y);

/// The one axis of an op that has one. Throws ValueError when there are more or none, IndexError when out of range.
int OneAxis(const Shape& axes, int rank);
/// Axes in range and ascending, as reductions and flip carry them.
void CheckAxes(const Shape& axes, int rank);
/// A slice of `sizes` elements at start + i * step lies inside `shape`.
void CheckSlice(const Shape& shape, const Shape& start, const Shape& sizes, const Shape& step, bool forward_only);
void CheckRank(const char* what, const Shape& list, int rank);
void CheckSameDType(const Type& a, const Type& b);
void CheckRepresentable(DType dtype);

}  // namespace duet::infer
