// The meaning of every op at one element: what eager kernels and fused loops are both made from.
//
// Called by whoever emits loops. Each function emits straight-line IR for the emitter's width, except that a rare path
// may end the current basic block (see ScalarEmitter). Results have the same bits at every width and instruction set.
#pragma once

#include <span>

#include "jit/llvm/scalar.h"
#include "runtime/op.h"

namespace duet {

/// An elementwise op (IsElementwise). Operands are as its row in ops.def says: one dtype, except where's condition.
/// `result` matters to cast alone.
Scalar EmitOp(ScalarEmitter& emitter, Op op, std::span<const Scalar> operands, DType result);

/// iota at an i64 index.
Scalar EmitIota(ScalarEmitter& emitter, const Scalar& index, DType dtype);
/// random_bits at an i64 row-major index with an i64 key (the 0-d operand in every lane), as i32 or i64.
Scalar EmitRandomBits(ScalarEmitter& emitter, const Scalar& index, const Scalar& key, DType dtype);

// ---- reductions: what unused lanes hold, and the step. The order of steps is the loop's (docs/numerics.md).

/// The dtype a reduction (class Reduce) accumulates in and returns: sum and prod of bool and ints use i64. Operands
/// are converted to it by EmitOp(cast) before the first step.
DType AccumulatorDType(Op op, DType operand);
/// Combining it with x gives x, bit for bit. For a float sum that is -0; an empty sum is +0, which the loop sees to.
Scalar ReduceIdentity(ScalarEmitter& emitter, Op op, DType accumulator);
Scalar ReduceCombine(ScalarEmitter& emitter, Op op, const Scalar& a, const Scalar& b);

/// A candidate of argmax or argmin.
struct ArgValue {
  Scalar value;  ///< of the operand's dtype
  Scalar index;  ///< i64, position along the axis
};
/// Loses against every element.
ArgValue ArgReduceIdentity(ScalarEmitter& emitter, Op op, DType dtype);
/// The winner; associative and commutative, so any order of steps finds the first occurrence and the first NaN.
ArgValue ArgReduceCombine(ScalarEmitter& emitter, Op op, const ArgValue& a, const ArgValue& b);

}  // namespace duet
