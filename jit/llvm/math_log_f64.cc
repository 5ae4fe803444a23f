// log, log1p and power in f64, in the way of math_log_f32.cc; power keeps its logarithm as a sum of two doubles.
#include <limits>

#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f64.h"

namespace duet {
namespace {

using namespace tables_f64;

constexpr double kLn2High = 0x1.62e42fefa3800p-1;
constexpr double kLn2Low = 0x1.ef35793c76730p-45;
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kLog2ELow = 0x1.777d0ffda0d24p-56;

/// Intervals of 1/16 of a binade whose first lies around 1, so that logarithms near 0 keep all their digits.
Scalar IntervalOf(const Scalar& mantissa) { return ShiftRightLogical(AsBits(mantissa + 0x1p-5), 48); }

/// (log(1 + r) - r) / r^2
Scalar LogTail(const Scalar& r) {
  return Polynomial(r, {-0x1.fffffffffffbbp-2, 0x1.5555555554798p-2, -0x1.00000000e4a0dp-2, 0x1.999999c602062p-3,
                        -0x1.55553ce73307cp-3, 0x1.249101074594fp-3, -0x1.007a97f5ebe57p-3, 0x1.cd1691f3fe179p-4});
}

/// A sum of two and its error, for |a| >= |b| or a = 0.
Split OrderedSum(const Scalar& a, const Scalar& b) {
  const Scalar sum = a + b;
  return {sum, (a - sum) + b};
}

}  // namespace

Scalar Log64(const Scalar& x) {
  const auto [m, e] = Frexp(x);
  const Scalar interval = IntervalOf(m);
  const Scalar r = Fma(m, Lookup(kLogFactor, interval), m.Like(-1));
  const Scalar high = Fma(e, e.Like(kLn2High), Lookup(kLnHigh, interval));
  const Scalar low = Fma(e, e.Like(kLn2Low), Lookup(kLnLow, interval));
  const Split sum = OrderedSum(high, r);
  return FixLogarithm(sum.high + (sum.low + Fma(LogTail(r), r * r, low)), x);
}

Scalar Log1p64(const Scalar& x) {
  const Scalar u = x + 1;
  const Scalar lost = x - (u - 1);
  const auto [m, e] = Frexp(u);
  const Scalar interval = IntervalOf(m);
  const Scalar factor = Lookup(kLogFactor, interval);
  const Scalar r_lost = ScaleByPowerOfTwo(factor * lost, -e);
  const Scalar r_high = Fma(m, factor, m.Like(-1));
  const Scalar high = Fma(e, e.Like(kLn2High), Lookup(kLnHigh, interval));
  const Scalar low = Fma(e, e.Like(kLn2Low), Lookup(kLnLow, interval));
  const Scalar r = r_high + r_lost;
  const Scalar r_low = r_lost - (r - r_high);
  const Split sum = OrderedSum(high, r);
  const Scalar y = sum.high + (sum.low + Fma(LogTail(r), r * r, low + r_low));
  return WithSignOf(FixLogarithm(y, u), x);
}

namespace {

/// log2 of a positive finite number, high + low with about 65 bits. Each term of r - r^2/2 + r^3 q(r) is multiplied
/// out with its rounding error; the errors gather in `low`.
Split Log2(const Scalar& x) {
  const auto [m, e] = Frexp(x);
  const Scalar interval = IntervalOf(m);
  const Scalar r = Fma(m, Lookup(kLogFactor, interval), m.Like(-1));
  const Scalar high = e + Lookup(kLog2High, interval);
  Scalar low = Fma(r, r.Like(kLog2ELow), Lookup(kLog2Low, interval));

  const Scalar tail =
      Polynomial(r, {-0x1.71547652b81ddp-2, 0x1.2776c50ef540fp-2, -0x1.ec709dc7d2b52p-3, 0x1.a61763214b131p-3,
                     -0x1.71544c9bb03f9p-3, 0x1.48489a07542bdp-3, -0x1.28211bb0badb1p-3, 0x1.112fc6bc10af7p-3});
  const Scalar third = r.Like(0x1.ec709dc3a03ffp-2);
  const Scalar q = Fma(tail, r, third);
  const Scalar q_low = Fma(tail, r, third - q);

  const Split linear = TwoProduct(r, r.Like(kLog2E));
  const Split square = TwoProduct(r, r);
  const Scalar minus_half_square = square.high * -0.5;
  const Scalar quadratic = minus_half_square * kLog2E;
  const Scalar cube = square.high * r;
  const Scalar cubic = q * cube;
  low = low + linear.low;
  const Scalar cube_low = Fma(square.low, r, Fms(square.high, r, cube));
  low = low + Fma(cube, q_low, Fma(cube_low, q, Fms(q, cube, cubic)));
  low = low + Fms(minus_half_square, r.Like(kLog2E), quadratic);
  low = Fma(square.low, r.Like(-0x1.71547652b82fep-1), low);
  low = Fma(minus_half_square, r.Like(kLog2ELow), low);

  const Split first = OrderedSum(high, linear.high);
  const Split second = OrderedSum(first.high, quadratic);
  const Split last = OrderedSum(second.high, cubic);
  low = low + ((first.low + second.low) + last.low);
  const Scalar sum = last.high + low;
  return {sum, low - (sum - last.high)};
}

/// 2^(high + low)
Scalar Exp2(const Split& x) {
  constexpr double kRounder = 0x1.8p48;
  const Scalar t = x.high + kRounder;
  const Scalar n = t - kRounder;
  const Scalar f = (x.high - n) + x.low;
  const Scalar sixteenths = AsBits(t);
  const Scalar g = Polynomial(f, {0x1.62e42fefa39f3p-1, 0x1.ebfbdff82c597p-3, 0x1.c6b08d6f2d65fp-5,
                                  0x1.3b2ab6fad1db9p-7, 0x1.5d897d0e87c19p-10, 0x1.430a760b71b8fp-13});
  const Scalar power = Lookup(kExp2, sixteenths);
  const Scalar p = Fma(g, f, Lookup(kExp2Rest, sixteenths));
  return ScaleByPowerOfTwo(Fma(power, p, power), n);
}

}  // namespace

Scalar Power64(const Scalar& x, const Scalar& y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Scalar a = Abs(x);
  const Split log2_x = Log2(a);
  const Scalar bounded = MaxOrSecond(y.Like(-0x1p70), MinOrSecond(y.Like(0x1p70), y));  // 0 * inf must not arise
  Scalar high = bounded * log2_x.high;
  Scalar low = Fma(bounded, log2_x.low, Fms(bounded, log2_x.high, high));
  high = MinOrSecond(y.Like(1030), high);
  high = MaxOrSecond(y.Like(-1080), high);
  low = MinOrSecond(y.Like(0x1p-30), low);
  low = MaxOrSecond(y.Like(-0x1p-30), low);
  Scalar result = Exp2({high, low});

  // The special values of Annex F.
  const Scalar vanishes = (a == 0) ^ (y < 0);
  result = Select((a == 0) | (a == kInfinity), Select(vanishes, y.Like(0), y.Like(kInfinity)), result);
  const Scalar is_integer = RoundEven(y) == y;
  const Scalar half = y * 0.5;
  const Scalar is_odd = is_integer & (RoundEven(half) != half);
  result = Select(is_odd, WithSignOf(result, x), result);
  const Scalar undefined = (x < 0) & (a < kInfinity) & ~is_integer;
  result = Select(undefined, y.Like(std::numeric_limits<double>::quiet_NaN()), result);
  result = Select(IsNan(x) | IsNan(y), x + y, result);
  return Select((x == 1) | (y == 0), y.Like(1), result);
}

}  // namespace duet
