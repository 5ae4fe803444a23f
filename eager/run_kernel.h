// RunKernel: an op on concrete arrays into a given result: what eager ops and a compiled graph's library steps share.
#pragma once

#include <span>

#include "eager/bind.h"
#include "runtime/op.h"
#include "runtime/tensor_body.h"

namespace duet {

/// Operands as inference wants them; result contiguous and of the inferred type. Ops of class View are not kernels.
/// Throws IndexError (ops that may raise), with no context in the text.
void RunKernel(Op op, const Attributes& attributes, std::span<const ArrayRef> operands, const ArrayRef& result);
void RunKernel(Op op, const Attributes& attributes, Operands operands, const Tensor& result);

/// The view that a View op makes of a concrete tensor; a copy when reshape cannot be a view.
Tensor ViewOf(Op op, const Tensor& operand, const Attributes& attributes, const Type& result);

// One function per op class, in the file of that name.
void RunElementwise(Op op, std::span<const ArrayRef> operands, const ArrayRef& result);
/// The short way for few elements that lie side by side in every operand; false: take the other one.
bool RunSmallElementwise(Op op, Operands operands, const Tensor& result);
void RunReduction(Op op, const Shape& axes, const ArrayRef& operand, const ArrayRef& result);
void RunIndexed(Op op, const Attributes& attributes, std::span<const ArrayRef> operands, const ArrayRef& result);
void RunMatmul(const ArrayRef& a, const ArrayRef& b, const ArrayRef& result);
void RunSort(Op op, int axis, const ArrayRef& operand, const ArrayRef& result);
void RunTake(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& result);
/// x may be the very memory of the result: then only the slices at the indices are written. y may not.
void RunIndexAdd(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& y, const ArrayRef& result);
void RunIndexUpdate(int axis, const ArrayRef& x, const ArrayRef& indices, const ArrayRef& y, const ArrayRef& result);
void RunPad(const Attributes& attributes, const ArrayRef& x, const ArrayRef& value, const ArrayRef& result);
void RunConcatenate(int axis, std::span<const ArrayRef> operands, const ArrayRef& result);
void RunUpdateSlice(const Attributes& attributes, const ArrayRef& x, const ArrayRef& y, const ArrayRef& result);

/// The part of `array` that starts at start and steps by step with the given sizes.
ArrayRef SliceOf(const ArrayRef& array, const Shape& start, const Shape& step, const Shape& sizes);

}  // namespace duet
