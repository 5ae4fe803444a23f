// Infer: the type of an op's result from the types of its operands, by op class; and the checks of shapes, axes and
// sizes that public ops share with it. Bind calls InferType for every op, eager or traced, and the verifier for every
// node, so a mistake has one text in all modes. The texts name neither op nor line: Bind adds both.
// Promotion and broadcasting come before inference: elementwise operands arrive equal in dtype and shape.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/op.h"
#include "runtime/type.h"

namespace duet {

/// Throws ShapeError, DTypeError, IndexError, ValueError or OutOfMemoryError. Allocates nothing on success.
/// An effect has no result: its operand's type comes back.
Type InferType(Op op, std::span<const Type* const> operands, const Attributes& attributes);

/// No tensor, and no view of one, is larger.
inline constexpr std::int64_t kMaxBytes = std::int64_t{1} << 47;

/// The number of elements; a symbol counts as 1. Throws ShapeError for a negative size, OutOfMemoryError when the
/// product does not fit int64.
std::int64_t CheckedElements(const Shape& shape);
/// The number of elements of a shape that was checked; an expression of its symbols.
Dim ElementsOf(const Shape& shape);
/// The number of bytes; throws as CheckedElements does, and OutOfMemoryError above kMaxBytes.
std::int64_t CheckedBytes(const Type& type);

/// NumPy broadcasting. Throws ShapeError that names both shapes.
Shape BroadcastShapes(const Shape& a, const Shape& b);
/// Whether a value of shape `from` broadcasts to `to`.
bool CanBroadcast(const Shape& from, const Shape& to);

/// 0 <= result < rank; negative axes count from the end. Throws IndexError.
int NormalizeAxis(std::int64_t axis, int rank);
/// Each normalised, ascending. Throws IndexError, and ValueError for an axis given twice.
Shape NormalizeAxes(const Shape& axes, int rank);
/// 0, 1, ..., rank - 1.
Shape AllAxes(int rank);
/// The shape without the axes, or with size 1 there. Axes are normalised and ascending.
Shape ReducedShape(const Shape& shape, const Shape& axes, KeepDims keep = KeepDims::no);

/// What sum and prod of a dtype return: i64 for bool and signed ints, u64 for unsigned ones, floats themselves.
DType AccumulatedDType(DType dtype);

/// The shape that a concrete reshape target means: one size may be -1. Throws ShapeError when the elements do not fit.
Shape ResolveReshape(const Shape& from, const Shape& to);

}  // namespace duet
