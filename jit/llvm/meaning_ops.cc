// The meaning of each elementwise op, in the order of ops.def.
#include "jit/llvm/meaning_ops.h"

#include <cassert>
#include <limits>

#include "jit/llvm/meaning_math.h"

namespace duet::meaning {
namespace {

bool IsFloat(const Scalar& x) { return is_float(x.dtype()); }

/// The definition for x's float dtype.
template <class... Operands>
Scalar ByWidth(Scalar (*of_f32)(const Operands&...), Scalar (*of_f64)(const Operands&...), const Operands&... x) {
  const DType dtype = (x.dtype(), ...);
  assert(dtype == DType::f32 || dtype == DType::f64);
  return dtype == DType::f32 ? of_f32(x...) : of_f64(x...);
}

/// Shift counts as the hardware wants them, below the width; IsShift tells where that is what was asked for.
Scalar BitCount(const Scalar& x) { return x.LikeBits(bytes_of(x.dtype()) * 8); }
Scalar IsShift(const Scalar& count) { return (count >= 0) & (count < BitCount(count)); }

}  // namespace

// ---- one operand

Scalar neg(const Scalar& x) { return -x; }
Scalar abs(const Scalar& x) { return Abs(x); }
Scalar sign(const Scalar& x) { return Select(x > 0, x.Like(1), Select(x < 0, x.Like(-1), x)); }
Scalar floor(const Scalar& x) { return Floor(x); }
Scalar ceil(const Scalar& x) { return Ceil(x); }
Scalar round(const Scalar& x) { return RoundEven(x); }
Scalar sqrt(const Scalar& x) { return Sqrt(x); }
Scalar rsqrt(const Scalar& x) { return Rsqrt(x); }
Scalar exp(const Scalar& x) { return ByWidth(Exp32, Exp64, x); }
Scalar expm1(const Scalar& x) { return ByWidth(Expm132, Expm164, x); }
Scalar log(const Scalar& x) { return ByWidth(Log32, Log64, x); }
Scalar log1p(const Scalar& x) { return ByWidth(Log1p32, Log1p64, x); }
Scalar sin(const Scalar& x) { return ByWidth(Sin32, Sin64, x); }
Scalar cos(const Scalar& x) { return ByWidth(Cos32, Cos64, x); }
Scalar tanh(const Scalar& x) { return ByWidth(Tanh32, Tanh64, x); }
Scalar sigmoid(const Scalar& x) { return ByWidth(Sigmoid32, Sigmoid64, x); }
Scalar erf(const Scalar& x) { return ByWidth(Erf32, Erf64, x); }
Scalar square(const Scalar& x) { return x * x; }
Scalar relu(const Scalar& x) { return Select(x <= 0, x.Like(0), x); }  // -0 becomes +0, a NaN stays
Scalar bitwise_not(const Scalar& x) { return ~x; }
Scalar logical_not(const Scalar& x) { return x == x.Like(0); }
Scalar isnan(const Scalar& x) { return IsNan(x); }
Scalar isfinite(const Scalar& x) { return Abs(x) < std::numeric_limits<double>::infinity(); }

// ---- two operands

Scalar add(const Scalar& x, const Scalar& y) { return x + y; }
Scalar subtract(const Scalar& x, const Scalar& y) { return x - y; }
Scalar multiply(const Scalar& x, const Scalar& y) { return x * y; }
Scalar divide(const Scalar& x, const Scalar& y) { return x / y; }
Scalar floor_divide(const Scalar& x, const Scalar& y) {
  return IsFloat(x) ? FloatFloorDivide(x, y) : IntFloorDivide(x, y);
}
Scalar remainder(const Scalar& x, const Scalar& y) { return IsFloat(x) ? FloatRemainder(x, y) : IntRemainder(x, y); }
Scalar power(const Scalar& x, const Scalar& y) { return IsFloat(x) ? ByWidth(Power32, Power64, x, y) : IntPower(x, y); }
Scalar maximum(const Scalar& x, const Scalar& y) { return Maximum(x, y); }
Scalar minimum(const Scalar& x, const Scalar& y) { return Minimum(x, y); }
Scalar logical_and(const Scalar& x, const Scalar& y) { return x & y; }
Scalar logical_or(const Scalar& x, const Scalar& y) { return x | y; }
Scalar logical_xor(const Scalar& x, const Scalar& y) { return x ^ y; }
Scalar bitwise_and(const Scalar& x, const Scalar& y) { return x & y; }
Scalar bitwise_or(const Scalar& x, const Scalar& y) { return x | y; }
Scalar bitwise_xor(const Scalar& x, const Scalar& y) { return x ^ y; }
Scalar left_shift(const Scalar& x, const Scalar& count) {
  const Scalar masked = count & (BitCount(count) - 1);
  const Scalar shifted(x.emitter(), x.emitter().builder().CreateShl(x.value(), masked.value()), x.dtype());
  return Select(IsShift(count), shifted, x.LikeBits(0));
}
Scalar right_shift(const Scalar& x, const Scalar& count) {
  // Shifting by all but one bit leaves the sign everywhere, which is what larger counts are to give.
  const Scalar bounded = Select(IsShift(count), count, BitCount(count) - 1);
  return Scalar(x.emitter(), x.emitter().builder().CreateAShr(x.value(), bounded.value()), x.dtype());
}
Scalar equal(const Scalar& x, const Scalar& y) { return x == y; }
Scalar not_equal(const Scalar& x, const Scalar& y) { return x != y; }
Scalar less(const Scalar& x, const Scalar& y) { return x < y; }
Scalar less_equal(const Scalar& x, const Scalar& y) { return x <= y; }
Scalar greater(const Scalar& x, const Scalar& y) { return x > y; }
Scalar greater_equal(const Scalar& x, const Scalar& y) { return x >= y; }

// ---- others

Scalar where(const Scalar& condition, const Scalar& x, const Scalar& y) { return Select(condition, x, y); }
Scalar cast(const Scalar& x, DType dtype) { return Convert(x, dtype); }

}  // namespace duet::meaning
