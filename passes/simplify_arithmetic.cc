// Rules of arithmetic. A caption gives the IR on both sides; c is a constant, seen through broadcasts.
#include <cmath>

#include "passes/simplify_rules.h"

namespace duet {
namespace {

// Turn this: neg(neg(x))    into this: x
// Turn this: bitwise_not(bitwise_not(x))    into this: x
bool Involution(Expression& e) {
  const Node* inner = e.Definition(e.x(), e.op);
  return inner && e.Replace(e.OperandOf(*inner));
}

// Whether both c = 2^k and 1/c = 2^-k are normal numbers: then x / c and x * (1/c) round the same real number.
bool IsInvertiblePowerOfTwo(DType dtype, double c) {
  int exponent;
  if (!std::isfinite(c) || std::fabs(std::frexp(c, &exponent)) != 0.5) return false;
  const int largest = dtype == f32 ? 126 : 1022;
  return exponent - 1 >= -largest && exponent - 1 <= largest;
}

bool Multiply(Expression& e) {
  for (int side = 0; side < 2; ++side) {
    const ValueId other = e.operands[static_cast<std::size_t>(side)];
    const ValueId constant = e.operands[static_cast<std::size_t>(1 - side)];
    // Turn this: multiply(x, 1)    into this: x
    if (e.Is(constant, 1)) return e.Replace(other);
    // Turn this: multiply(i, 0)    into this: 0    (ints only: NaN * 0 is NaN, -1 * 0 is -0)
    if (is_int(e.type.dtype) && e.Is(constant, 0)) return e.Replace(constant);
  }
  return false;
}

bool Divide(Expression& e) {
  // Turn this: divide(x, 1)    into this: x
  if (e.Is(e.y(), 1)) return e.Replace(e.x());
  // Turn this: divide(x, 2^k)    into this: multiply(x, 2^-k)
  Splat c;
  if (FindSplat(e.graph(), e.y(), &c) && IsInvertiblePowerOfTwo(c.dtype, c.AsDouble()))
    return e.Become(Op::multiply, {e.x(), e.NewSplat(1 / c.AsDouble())});
  return false;
}

bool Add(Expression& e) {
  // Turn this: add(x, -0)    into this: x    (+0 would turn -0 into +0)
  // Turn this: add(i, 0)    into this: i
  const double identity = is_float(e.type.dtype) ? -0.0 : 0;
  if (e.Is(e.y(), identity)) return e.Replace(e.x());
  return e.Is(e.x(), identity) && e.Replace(e.y());
}

bool Subtract(Expression& e) {
  // Turn this: subtract(x, +0)    into this: x
  if (e.Is(e.y(), 0.0)) return e.Replace(e.x());
  // Turn this: subtract(i, i)    into this: 0    (ints only: inf - inf is NaN)
  return is_int(e.type.dtype) && e.x() == e.y() && e.ReplaceBySplat(0);
}

// maximum, minimum, bitwise_and, bitwise_or.
// Turn this: op(x, x)    into this: x
bool Idempotent(Expression& e) { return e.x() == e.y() && e.Replace(e.x()); }

// bitwise_or, bitwise_xor, shifts.
// Turn this: op(i, 0)    into this: i
bool ZeroRight(Expression& e) { return e.Is(e.y(), 0) && e.Replace(e.x()); }

bool ZeroLeft(Expression& e) { return e.Is(e.x(), 0) && e.Replace(e.y()); }

bool BitwiseAnd(Expression& e) {
  // Turn this: bitwise_and(i, 0)    into this: 0
  if (e.Is(e.y(), 0)) return e.Replace(e.y());
  if (e.Is(e.x(), 0)) return e.Replace(e.x());
  // Turn this: bitwise_and(i, -1)    into this: i    (of bool: true)
  const double ones = e.type.dtype == bool_ ? 1 : -1;
  if (e.Is(e.y(), ones)) return e.Replace(e.x());
  if (e.Is(e.x(), ones)) return e.Replace(e.y());
  return Idempotent(e);
}

}  // namespace

bool SimplifyArithmetic(Expression& e) {
  switch (e.op) {
    case Op::neg:
    case Op::bitwise_not:
      return Involution(e);
    case Op::multiply:
      return Multiply(e);
    case Op::divide:
      return Divide(e);
    case Op::add:
      return Add(e);
    case Op::subtract:
      return Subtract(e);
    case Op::floor_divide:
      // Turn this: floor_divide(i, 1)    into this: i
      return is_int(e.type.dtype) && e.Is(e.y(), 1) && e.Replace(e.x());
    case Op::maximum:
    case Op::minimum:
      return Idempotent(e);
    case Op::bitwise_and:
      return BitwiseAnd(e);
    case Op::bitwise_or:
      return Idempotent(e) || ZeroRight(e) || ZeroLeft(e);
    case Op::bitwise_xor:
      // Turn this: bitwise_xor(i, i)    into this: 0
      return (e.x() == e.y() && e.ReplaceBySplat(0)) || ZeroRight(e) || ZeroLeft(e);
    case Op::left_shift:
    case Op::right_shift:
      return ZeroRight(e);
    default:
      return false;
  }
}

}  // namespace duet
