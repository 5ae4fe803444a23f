// exp, expm1, tanh and sigmoid in f32.
//
// The exponentials write x = n ln 2 + r with an integer n and |r| <= 0.35, and evaluate exp(r) by a polynomial. Clamps
// put the constant first, which keeps a NaN, and stop where the result has overflowed or vanished.
#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f32.h"

namespace duet {
namespace {

constexpr double kRounder = 0x1.8p23;    // adding it rounds a float to an integer, found in the low bits of the sum
constexpr double kRounder64 = 0x1.8p52;  // the same for doubles
constexpr double kLog2E = 0x1.715476p+0;
constexpr double kLn2High = 0x1.62e4p-1;  // 16 bits: an integer of 8 bits times it is exact
constexpr double kLn2Low = 0x1.7f7d1cp-20;

}  // namespace

Scalar Exp32(const Scalar& argument) {
  Scalar x = MinOrSecond(argument.Like(89), argument);
  x = MaxOrSecond(x.Like(-104), x);
  const Scalar n = Fma(x, x.Like(kLog2E), x.Like(kRounder)) - kRounder;
  const Scalar r = Fnma(n, x.Like(kLn2Low), Fnma(n, x.Like(kLn2High), x));
  const Scalar exp_r = Polynomial(r, {1, 1, 0x1p-1, 0x1.5554dcp-3, 0x1.5554eap-5, 0x1.120c08p-7, 0x1.6d4bfep-10});
  return ScaleByPowerOfTwo(exp_r, n);
}

// 2^n exp(r) - 1 with 2^n - 1 kept as an unevaluated sum, so nothing cancels.
Scalar Expm132(const Scalar& argument) {
  Scalar x = MinOrSecond(argument.Like(89), argument);
  x = MaxOrSecond(x.Like(-18), x);
  const Scalar n = Fma(x, x.Like(kLog2E), x.Like(kRounder)) - kRounder;
  const Scalar r_high = Fnma(n, x.Like(kLn2High), x);
  const Scalar r_low = n * -kLn2Low;
  const Scalar r = r_high + r_low;
  const Scalar p = Polynomial(r, {0x1p-1, 0x1.555556p-3, 0x1.555502p-5, 0x1.110fc2p-7, 0x1.6d2e06p-10, 0x1.a2d99ap-13});
  const Scalar w = Fma(p, r * r, r_low);  // exp(r) - 1 - r_high

  // 2^128 is not a float: there the scale is 2^127 and the result is doubled.
  const Scalar capped = MinOrSecond(n, n.Like(127));
  const Scalar scale = AsFloat(ShiftLeft(AsBits(capped + kRounder), 23) + 0x3f800000);
  const Scalar less_one = scale - 1;
  const Scalar high = Fma(scale, r_high, less_one);
  const Scalar low = Fma(scale, r_high, less_one - high) + ((scale - less_one) - 1);
  const Scalar y = (high + Fma(scale, w, low)) * ((n - capped) + 1);
  return WithSignOf(y, argument);
}

// 16 intervals, found from the leading bits of |x| + 1: four of width 1/4, four of 1/2, four of 1, then of 2.
Scalar Tanh32(const Scalar& x) {
  using namespace tables_f32;
  const Scalar a = MinOrSecond(x.Like(9.02f), Abs(x));
  const Scalar u = a + 1;
  const Scalar interval = ShiftRightLogical(AsBits(u), 21);
  const Scalar t = a - Lookup(kTanhCentre, interval);
  // Around 0 the value is t plus a small product. u decides, since it gave the interval: |x| may have been rounded up.
  const Scalar base = Select(u < 1.25, t, Lookup(kTanhPolynomial[0], interval));
  Scalar q = Lookup(kTanhPolynomial[6], interval);
  for (int i = 5; i > 0; --i) q = Fma(q, t, Lookup(kTanhPolynomial[i], interval));
  return WithSignOf(Fma(q, t, base), x);
}

// 1 / (1 + exp(-x)) in f64, where a plain formula is good enough to be rounded once.
Scalar Sigmoid32(const Scalar& argument) {
  Scalar x = MinOrSecond(argument.Like(105), argument);
  x = Convert(MaxOrSecond(x.Like(-105), x), DType::f64);
  const Scalar t = Fma(x, x.Like(-0x1.71547652b82fep+0), x.Like(kRounder64));
  const Scalar n = t - kRounder64;
  const Scalar r = Fma(n, x.Like(-0x1.62e42fefa39efp-1), -x);
  const Scalar exp_r =
      Polynomial(r, {0x1.0000000261af3p+0, 0x1.0000009c13db5p+0, 0x1.fffffaaeb48d2p-2, 0x1.55540a6407cbep-3,
                     0x1.55589a83d9aecp-5, 0x1.126d19830bbd5p-7, 0x1.6ab973429ca65p-10});
  const Scalar exp_x = AsFloat(AsBits(exp_r) + ShiftLeft(AsBits(t), 52));  // n added to the exponent
  return Convert(1 / (exp_x + 1), DType::f32);
}

}  // namespace duet
