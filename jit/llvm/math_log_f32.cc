// log, log1p and power in f32.
//
// A positive number is m 2^e with m in [0.75, 1.5); the table gives a factor c so that r = m c - 1 is small and exact.
// Then log x = e ln 2 - log c + log(1 + r), the first two kept as a high part, whose sum is exact, and a low part.
#include <limits>

#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f32.h"

namespace duet {
namespace {

using namespace tables_f32;

constexpr double kLn2High = 0x1.62e4p-1;
constexpr double kLn2Low = 0x1.7f7d1cp-20;
constexpr double kRounder64 = 0x1.8p52;

Scalar IntervalOf(const Scalar& mantissa) { return ShiftRightLogical(AsBits(mantissa), 19); }

/// (log(1 + r) - r) / r^2
Scalar LogTail(const Scalar& r) { return Polynomial(r, {-0x1.fffffep-2, 0x1.55578p-2, -0x1.00240cp-2, 0x1.8611d4p-3}); }

}  // namespace

Scalar Log32(const Scalar& x) {
  const auto [m, e] = Frexp(x);
  const Scalar interval = IntervalOf(m);
  const Scalar r = Fma(m, Lookup(kLogFactor, interval), m.Like(-1));
  const Scalar high = Fma(e, e.Like(kLn2High), Lookup(kLnHigh, interval));
  const Scalar low = Fma(e, e.Like(kLn2Low), Lookup(kLnLow, interval));
  return FixLogarithm(high + (r + Fma(LogTail(r), r * r, low)), x);
}

// log(u) of u = 1 + x rounded, corrected by the c that the rounding lost: log1p(x) = log(u) + c / u.
Scalar Log1p32(const Scalar& x) {
  const Scalar u = x + 1;
  const Scalar lost = x - (u - 1);
  const auto [m, e] = Frexp(u);
  const Scalar interval = IntervalOf(m);
  const Scalar factor = Lookup(kLogFactor, interval);
  const Scalar r_low = ScaleByPowerOfTwo(factor * lost, -e);
  const Scalar r_high = Fma(m, factor, m.Like(-1));
  const Scalar high = Fma(e, e.Like(kLn2High), Lookup(kLnHigh, interval));
  const Scalar low = Fma(e, e.Like(kLn2Low), Lookup(kLnLow, interval));
  const Scalar r = r_high + r_low;
  const Scalar tail = r_high + Fma(LogTail(r), r * r, low + r_low);
  return WithSignOf(FixLogarithm(high + tail, u), x);  // log1p(-0) is -0
}

// 2^(y log2 |x|): the logarithm and the product in f64, the exponential in f32; then the special values of Annex F.
Scalar Power32(const Scalar& x, const Scalar& y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  auto wide = [](const Scalar& a) { return Convert(a, DType::f64); };
  auto narrow = [](const Scalar& a) { return Convert(a, DType::f32); };
  const Scalar a = Abs(x);
  const auto [m, e] = Frexp(a);
  const Scalar interval = IntervalOf(m);
  const Scalar r = wide(Fma(m, Lookup(kLogFactor, interval), m.Like(-1)));
  const Scalar integral = wide(e + Lookup(kLog2High, interval));  // exact
  const Scalar log2_tail =
      Polynomial(r, {0x1.71547652b92b1p+0, -0x1.715476517e90cp-1, 0x1.ec709cf7e1f62p-2, -0x1.715496f1a6c50p-2,
                     0x1.277e13e471cefp-2, -0x1.ec12941f4b130p-3, 0x1.811a951ea6d34p-3});
  const Scalar log2_x = Fma(log2_tail, r, integral + wide(Lookup(kLog2Low, interval)));

  const Scalar bounded = MaxOrSecond(y.Like(-0x1p100), MinOrSecond(y.Like(0x1p100), y));  // 0 * inf must not arise
  Scalar w = log2_x * wide(bounded);
  w = MinOrSecond(w.Like(200), w);
  w = MaxOrSecond(w.Like(-200), w);
  const Scalar n = (w + kRounder64) - kRounder64;
  const Scalar f = narrow(w - n);
  const Scalar exp2_f =
      Polynomial(f, {1, 0x1.62e43p-1, 0x1.ebfbep-3, 0x1.c6af9cp-5, 0x1.3b2a48p-7, 0x1.5ef5dp-10, 0x1.442512p-13});
  Scalar result = ScaleByPowerOfTwo(exp2_f, narrow(n));

  const Scalar zero_or_infinite = ((a == 0) | (a == kInfinity)) & (y == y);
  const Scalar vanishes = (a == 0) ^ (y < 0);
  result = Select(zero_or_infinite, Select(vanishes, y.Like(0), y.Like(kInfinity)), result);
  result = Select(IsNan(x), x + x, result);
  const Scalar is_integer = RoundEven(y) == y;
  const Scalar half = y * 0.5;
  const Scalar is_odd = is_integer & (RoundEven(half) != half);
  result = Select(is_odd, WithSignOf(result, x), result);
  const Scalar undefined = (x < 0) & (a < kInfinity) & ~is_integer;
  result = Select(undefined, y.Like(std::numeric_limits<double>::quiet_NaN()), result);
  return Select((x == 1) | (y == 0), y.Like(1), result);
}

}  // namespace duet
