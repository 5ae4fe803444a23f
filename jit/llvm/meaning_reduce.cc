// What reductions do with two elements.
#include <cassert>
#include <limits>

#include "jit/llvm/meaning.h"

namespace duet {
namespace {

/// The value every other one of the dtype beats (or equals) under max; under min with `largest`.
Scalar Extreme(ScalarEmitter& emitter, DType dtype, bool largest) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (is_float(dtype)) return emitter.Constant(dtype, largest ? kInfinity : -kInfinity);
  const std::uint64_t minimum = std::uint64_t{1} << (bytes_of(dtype) * 8 - 1);
  return emitter.Bits(dtype, largest ? minimum - 1 : minimum);
}

}  // namespace

DType AccumulatorDType(Op op, DType operand) {
  const bool adds_up = op == Op::sum || op == Op::prod;
  return adds_up && !is_float(operand) ? DType::i64 : operand;
}

Scalar ReduceIdentity(ScalarEmitter& emitter, Op op, DType accumulator) {
  switch (op) {
    case Op::sum:
      return emitter.Constant(accumulator, -0.0);  // +0 would turn a sum of -0 into +0
    case Op::prod:
      return emitter.Constant(accumulator, 1);
    case Op::max:
      return Extreme(emitter, accumulator, false);
    case Op::min:
      return Extreme(emitter, accumulator, true);
    case Op::any:
      return emitter.Bits(DType::bool_, 0);
    case Op::all:
      return emitter.Bits(DType::bool_, 1);
    default:
      break;
  }
  assert(false && "not a reduction");
  return {};
}

Scalar ReduceCombine([[maybe_unused]] ScalarEmitter& emitter, Op op, const Scalar& a, const Scalar& b) {
  switch (op) {
    case Op::sum:
      return a + b;
    case Op::prod:
      return a * b;
    case Op::max:
      return Maximum(a, b);
    case Op::min:
      return Minimum(a, b);
    case Op::any:
      return a | b;
    case Op::all:
      return a & b;
    default:
      break;
  }
  assert(false && "not a reduction");
  return {};
}

ArgValue ArgReduceIdentity(ScalarEmitter& emitter, Op op, DType dtype) {
  return {Extreme(emitter, dtype, op == Op::argmin),
          emitter.Bits(DType::i64, std::uint64_t{std::numeric_limits<std::int64_t>::max()})};
}

ArgValue ArgReduceCombine([[maybe_unused]] ScalarEmitter& emitter, Op op, const ArgValue& a, const ArgValue& b) {
  Scalar b_wins = op == Op::argmax ? b.value > a.value : b.value < a.value;
  Scalar ties = a.value == b.value;  // -0 and +0 tie
  if (is_float(a.value.dtype())) {
    const Scalar a_is_nan = IsNan(a.value), b_is_nan = IsNan(b.value);
    b_wins = b_wins | (b_is_nan & ~a_is_nan);
    ties = ties | (a_is_nan & b_is_nan);
  }
  const Scalar takes_b = b_wins | (ties & (b.index < a.index));
  return {Select(takes_b, b.value, a.value), Select(takes_b, b.index, a.index)};
}

}  // namespace duet
