// exp, expm1, tanh and sigmoid in f64.
//
// x = n ln 2 + r, n a multiple of 1/16 and |r| <= ln 2 / 32; 2^(n's fraction) is a table of 16 with a correction each.
#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f64.h"

namespace duet {
namespace {

using namespace tables_f64;

constexpr double kRounder = 0x1.8p48;  // adding it rounds to a multiple of 1/16, counted in the low bits of the sum
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kLn2High = 0x1.62e42fefa39efp-1;
constexpr double kLn2Low = 0x1.abc9e3b39803fp-56;

/// n, the multiple of 1/16 nearest to factor * x, and its sixteenths as an integer.
struct Sixteenths {
  Scalar n, count;
  Sixteenths(const Scalar& x, double factor) {
    const Scalar t = Fma(x, x.Like(factor), x.Like(kRounder));
    n = t - kRounder;
    count = AsBits(t);
  }
  Scalar Power() const { return Lookup(kExp2, count); }
  Scalar PowerRest() const { return Lookup(kExp2Rest, count); }
  /// Power() * 2^floor(n), for n in the range of normal numbers.
  Scalar ScaledPower(const Scalar& power) const {
    return AsFloat(AsBits(power) + ShiftLeft(ShiftRightLogical(count, 4), 52));
  }
};

/// (exp(r) - 1 - r) / r^2 to 2^-55.
Scalar ExpTail(const Scalar& r) {
  return Polynomial(r, {0x1.0000000000001p-1, 0x1.55555554dc4e2p-3, 0x1.55555554c73d9p-5, 0x1.11120bf73235fp-7,
                        0x1.6c18140a3b244p-10});
}
/// The same to 2^-64, where the result cancels.
Scalar ExpTailLong(const Scalar& r) {
  return Polynomial(r, {0x1.0000000000001p-1, 0x1.5555555555557p-3, 0x1.55555554df71ep-5, 0x1.11111110b2694p-7,
                        0x1.6c17f5eeeb3e3p-10, 0x1.a01b5b2aeb273p-13});
}

/// (numerator.high + numerator.low) / (denominator.high + denominator.low): one division and one correction.
Scalar Quotient(const Split& numerator, const Split& denominator) {
  const Scalar inverse = 1 / denominator.high;
  const Scalar y = numerator.high * inverse;
  const Scalar rest = Fnma(y, denominator.high, numerator.high) + Fnma(y, denominator.low, numerator.low);
  return Fma(rest, inverse, y);
}

}  // namespace

Scalar Exp64(const Scalar& argument) {
  Scalar x = MinOrSecond(argument.Like(720), argument);
  x = MaxOrSecond(x.Like(-760), x);
  const Sixteenths s(x, kLog2E);
  const Scalar r = Fnma(s.n, x.Like(kLn2Low), Fnma(s.n, x.Like(kLn2High), x));
  const Scalar power = s.Power();
  const Scalar p = Fma(ExpTail(r), r * r, r + s.PowerRest());
  return ScaleByPowerOfTwo(Fma(power, p, power), s.n);
}

// With S = 2^n: (S - 1) as a two-sum, plus S r exactly, plus S times what exp(r) has beyond 1 + r.
Scalar Expm164(const Scalar& argument) {
  Scalar x = MinOrSecond(argument.Like(709.9), argument);
  x = MaxOrSecond(x.Like(-45), x);
  const Sixteenths s(x, kLog2E);
  const Scalar r_high = Fnma(s.n, x.Like(kLn2High), x);
  const Scalar r = Fnma(s.n, x.Like(kLn2Low), r_high);
  const Scalar r_low = Fnma(s.n, x.Like(kLn2Low), r_high - r);
  const Scalar q = ExpTailLong(r);
  const Scalar power = s.Power(), power_rest = s.PowerRest();
  const Scalar rest = Fma(power_rest, r, power_rest) + r_low;

  // 2^1024 is not a double: from there on everything is halved, and doubled at the end.
  const Scalar overflows = s.n >= 1024;
  const Scalar halving = Select(overflows, s.count.LikeBits(-1), s.count.LikeBits(0));
  const Scalar exponent = ShiftRightLogical(s.count, 4) + halving;
  const Scalar scale = AsFloat(AsBits(power) + ShiftLeft(exponent, 52));
  const Scalar one = Select(overflows, x.Like(0.5), x.Like(1));
  const Scalar v = Fma(q, r * r, rest);
  const Split less_one = TwoDifference(scale, one);
  const Scalar high = Fma(scale, r, less_one.high);
  const Scalar low = Fma(scale, r, less_one.high - high) + less_one.low;
  const Scalar y = (high + Fma(scale, v, low)) * Select(overflows, x.Like(2), x.Like(1));
  return WithSignOf(y, argument);
}

// (1 - w) / (1 + w) with w = exp(-2|x|) = S (1 + p + p_low), numerator and denominator as sums of two.
Scalar Tanh64(const Scalar& argument) {
  const Scalar x = MinOrSecond(argument.Like(22), Abs(argument)) * -2.0;
  const Sixteenths s(x, kLog2E);
  const Scalar r = Fnma(s.n, x.Like(kLn2High), x);
  const Scalar r_low = s.n * -kLn2Low;
  const Scalar q = ExpTailLong(r);
  const Scalar rest = s.PowerRest() + r_low;
  const Scalar scale = s.ScaledPower(s.Power());
  const Scalar v = Fma(q, r * r, rest);
  const Scalar p = r + v;
  const Scalar p_low = scale * (v - (p - r));

  const Scalar less = 1 - scale, less_low = (1 - less) - scale;
  const Scalar more = 1 + scale, more_low = (1 - more) + scale;
  const Scalar numerator = Fnma(scale, p, less);
  const Scalar numerator_low = (Fnma(scale, p, less - numerator) + less_low) - p_low;
  const Scalar denominator = Fma(scale, p, more);
  const Scalar denominator_low = (Fma(scale, p, more - denominator) + more_low) + p_low;
  return WithSignOf(Quotient({numerator, numerator_low}, {denominator, denominator_low}), argument);
}

// With w = exp(-|x|): 1 / (1 + w), or w / (1 + w) below 0, where w keeps its own exponent until the end.
Scalar Sigmoid64(const Scalar& argument) {
  const Scalar a = MinOrSecond(argument.Like(760), Abs(argument));
  const Sixteenths s(a, -kLog2E);
  const Scalar r = Fnma(s.n, a.Like(kLn2Low), Fnma(s.n, a.Like(kLn2High), -a));
  const Scalar power = s.Power();
  const Scalar p = Fma(ExpTail(r), r * r, r + s.PowerRest());
  const Scalar w = Fma(power, p, power);
  const Scalar w_low = Fma(power, p, power - w);

  const Scalar negative = AsBits(argument) < 0;
  const Scalar scale = ScaleByPowerOfTwo(a.Like(1), MaxOrSecond(s.n, a.Like(-200)));
  const Scalar scaled = w * scale;
  const Scalar denominator = 1 + scaled;
  const Scalar denominator_low = ((1 - denominator) + scaled) + w_low * scale;
  const Split numerator{Select(negative, w, a.Like(1)), Select(negative, w_low, a.Like(0))};
  const Scalar y = Quotient(numerator, {denominator, denominator_low});
  const Scalar result = ScaleByPowerOfTwo(y, Select(negative, s.n, a.Like(0)));
  return Select(IsNan(argument), argument + argument, result);
}

}  // namespace duet
