// Division and what derives from it: rsqrt, floor_divide and remainder of floats and ints.
#include <llvm/IR/Function.h>

#include <cmath>
#include <limits>
#include <string>

#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"

namespace duet {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

int Digits(const Scalar& x) { return x.dtype() == DType::f32 ? 24 : 53; }

/// Below, every integer is a float, and a quotient that was rounded to an integer is off by less than one.
double IntegersEnd(const Scalar& x) { return std::ldexp(1.0, Digits(x)); }

/// a - trunc(a / b) * b in [0, b), for a >= b > 0 in the lanes that matter and a < b in the others. Each round divides
/// by the largest b 2^k for which the quotient has at most Digits - 1 bits, so its product and difference are exact.
Scalar RemainderByLoop(ScalarEmitter& emitter, const Scalar& a, const Scalar& b) {
  auto& builder = emitter.builder();
  const Fraction divisor = Frexp(b);
  llvm::BasicBlock* entry = builder.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(builder.getContext(), "reduce", entry->getParent());
  auto* done = llvm::BasicBlock::Create(builder.getContext(), "done", entry->getParent());
  builder.CreateBr(loop);
  builder.SetInsertPoint(loop);
  auto* phi = builder.CreatePHI(a.value()->getType(), 2);
  phi->addIncoming(a.value(), entry);
  const Scalar r = emitter.Wrap(phi, a.dtype());
  const Scalar exponent = MaxOrSecond(divisor.exponent, Frexp(r).exponent - (Digits(a) - 2));
  const Scalar step = ScaleByPowerOfTwo(divisor.mantissa, exponent);
  const Scalar rest = Fnma(Trunc(r / step), step, r);
  // A quotient that was rounded up to an integer is one too large.
  const Scalar next = Select(r >= b, Select(rest < 0, rest + step, rest), r);
  phi->addIncoming(next.value(), loop);
  builder.CreateCondBr(Any(next >= b), loop, done);
  builder.SetInsertPoint(done);
  return next;
}

/// C's fmod of magnitudes, always exact; NaN for an infinite a or b = 0.
Scalar Fmod(const Scalar& a, const Scalar& b) {
  const Scalar quotient = Trunc(a / b);
  const Scalar rest = Fnma(quotient, b, a);
  const Scalar usual = Select(a < b, a, Select(rest < 0, rest + b, rest));
  const Scalar is_far = (quotient >= IntegersEnd(a)) & (a < kInfinity) & (b > 0);
  ScalarEmitter& emitter = a.emitter();
  return emitter.UnlessAny(is_far, {usual}, [&]() -> ScalarEmitter::Values {
    const Scalar arguments[] = {Select(is_far, a, a.Like(0)), Select(is_far, b, b.Like(1))};
    const DType result[] = {a.dtype()};
    const Scalar far =
        emitter.CallOutOfLine(std::string("fmod.") + name(a.dtype()), arguments, result,
                              [](ScalarEmitter& inner, std::span<const Scalar> operands) {
                                return ScalarEmitter::Values{RemainderByLoop(inner, operands[0], operands[1])};
                              })[0];
    return {Select(is_far, far, usual)};
  })[0];
}

}  // namespace

// One step of Newton's method on the error of 1 / sqrt(x), which is known almost exactly through x y as a sum of two.
Scalar Rsqrt(const Scalar& x) {
  const Scalar y = 1 / Sqrt(x);
  const Split xy = TwoProduct(x, y);
  const Scalar error = Fnma(xy.low, y, Fnma(xy.high, y, y.Like(1)));
  const Scalar refined = Fma(y * 0.5, error, y);
  return Select(refined - refined == 0, refined, y);  // 0 and infinity have no error to correct
}

// The floor of the rounded quotient is the floor of the exact one or one above it; the sign of the rest, which is
// exact, tells. A quotient beyond the digits of the dtype stays as rounded.
Scalar FloatFloorDivide(const Scalar& x, const Scalar& y) {
  const Scalar quotient = Floor(x / y);
  const Scalar rest = Select(quotient == 0, x, Fnma(quotient, y, x));  // 0 * inf must not arise
  const Scalar too_large = (((rest < 0) & (y > 0)) | ((rest > 0) & (y < 0))) & (Abs(quotient) <= IntegersEnd(x));
  const Scalar result = Select(too_large, quotient - 1, quotient);
  return Select((Abs(x) == kInfinity) & (y == y), x.Like(std::numeric_limits<double>::quiet_NaN()), result);
}

// The exact remainder with x's sign, moved by y when the signs differ: the only rounding there is.
Scalar FloatRemainder(const Scalar& x, const Scalar& y) {
  const Scalar rest = WithSignOf(Fmod(Abs(x), Abs(y)), x);
  const Scalar adjusted = Select((rest < 0) ^ (y < 0), rest + y, rest);
  return Select(rest == 0, WithSignOf(rest.Like(0), y), adjusted);
}

Scalar IntFloorDivide(const Scalar& x, const Scalar& divisor) {
  ScalarEmitter& emitter = x.emitter();
  auto& builder = emitter.builder();
  // Lanes that nobody reads must not divide by anything either.
  const Scalar y = emitter.Wrap(builder.CreateFreeze(divisor.value()), x.dtype());
  const Scalar is_zero = y == 0, is_minus_one = y == -1;  // the second: MIN / -1 overflows
  const Scalar safe = Select(is_zero | is_minus_one, y.LikeBits(1), y);
  Scalar quotient;
  if (x.dtype() == DType::i32) {
    // A double's rounding is smaller than the distance of a fraction of two i32 to the next integer.
    const Scalar exact = Floor(Convert(x, DType::f64) / Convert(safe, DType::f64));
    quotient = emitter.Wrap(builder.CreateFPToSI(exact.value(), x.value()->getType()), DType::i32);
  } else {
    const Scalar truncated = emitter.Wrap(builder.CreateSDiv(x.value(), safe.value()), x.dtype());
    const Scalar rest = x - truncated * safe;
    const Scalar too_large = (rest != 0) & ((rest ^ safe) < 0);
    quotient = Select(too_large, truncated - 1, truncated);
  }
  return Select(is_zero, x.LikeBits(0), Select(is_minus_one, -x, quotient));
}

Scalar IntRemainder(const Scalar& x, const Scalar& y) {
  return Select(y == 0, x.LikeBits(0), x - IntFloorDivide(x, y) * y);
}

}  // namespace duet
