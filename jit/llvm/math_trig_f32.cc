// sin and cos in f32.
//
// Up to 2^17 the argument is reduced to within an eighth of a turn in f32, pi/2 in three parts. If a lane lies beyond,
// all are also done the long way, in f64 out of line, and each lane keeps the form that its own magnitude asks for.
#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f32.h"

namespace duet {
namespace {

using namespace tables_f32;

enum class Wave { kSin, kCos };

constexpr double kRounder = 0x1.8p23;
constexpr double kRounder64 = 0x1.8p52;
constexpr double kShortLimit = 0x1p17;

/// sin(pi f) by its odd polynomial, |f| <= 1/2, in f64.
Scalar SinPi(const Scalar& f) {
  return Polynomial(f * f, {0x1.921fb52055e95p+1, -0x1.4abbc16165352p+2, 0x1.4668ae5708f23p+1, -0x1.324caf0ba76dfp-1,
                            0x1.3dae0ae3b8e16p-4}) *
         f;
}

/// Any magnitude. x = m 2^(16 i) with m of moderate size, and the table knows 2^(16 i) / pi without even integers, so
/// two products give the angle in half turns.
Scalar LongForm(const Scalar& x, Wave wave) {
  const Scalar scale = Maximum(AsBits(x) & 0x78000000, AsBits(x).LikeBits(0x40000000));
  const Scalar moderate = Convert(AsFloat(AsBits(x) - (scale - 0x40000000)), DType::f64);
  const Scalar row = Convert(ShiftRightLogical(scale, 27), DType::i64);
  const Scalar high = Lookup(kInversePiHigh, row), low = Lookup(kInversePiLow, row);
  Scalar y;
  if (wave == Wave::kSin) {
    const Scalar t = Fma(moderate, high, high.Like(kRounder64));
    const Scalar n = t - kRounder64;
    const Scalar f = Fma(moderate, low, Fms(moderate, high, n));
    y = AsFloat(AsBits(SinPi(f)) ^ ShiftLeft(AsBits(t), 63));  // an odd half turn changes the sign
  } else {
    const Scalar t = Fms(moderate, high, high.Like(0.5)) + kRounder64;
    const Scalar n = (t - kRounder64) + 0.5;
    const Scalar f = Fma(moderate, low, Fms(moderate, high, n));
    y = AsFloat(AsBits(SinPi(f)) ^ ShiftLeft(~AsBits(t), 63));
  }
  return Fma(x, x.Like(0), Convert(y, DType::f32));  // infinities give NaN; -0 stays
}

Scalar ShortForm(const Scalar& x, Wave wave) {
  constexpr double kHalfPi[] = {0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50};
  const Scalar t = Fma(x, x.Like(0x1.45f306p-1), x.Like(kRounder));
  const Scalar n = t - kRounder;
  const Scalar first = Fnma(n, x.Like(kHalfPi[0]), x);
  const Split second = TwoProduct(n, x.Like(kHalfPi[1]));
  // The full two-sum: next to a multiple of pi/2 the first remainder is smaller than what is subtracted.
  const Split reduced = TwoDifference(first, second.high);
  const Scalar r = reduced.high;
  const Scalar e = Fnma(n, x.Like(kHalfPi[2]), reduced.low - second.low);
  const Scalar z = r * r;

  const Scalar s = Polynomial(z, {-0x1.555552p-3, 0x1.110be6p-7, -0x1.9ab408p-13});
  const Scalar sin_tail = Fma(s, z * r, e);
  const Scalar c = Polynomial(z, {0x1.555554p-5, -0x1.6c129ep-10, 0x1.9bc76cp-16});
  const Scalar half_z = z * 0.5;
  const Scalar cos_head = 1 - half_z;
  const Scalar cos_tail = Fma(c, z * z, Fnma(r, e, (1 - cos_head) - half_z));

  const Scalar quadrant = AsBits(t) + (wave == Wave::kCos ? 1 : 0);
  const Scalar is_odd = ShiftLeft(quadrant, 31) < 0;
  const Scalar y = Select(is_odd, cos_head, r) + Select(is_odd, cos_tail, sin_tail);
  return AsFloat(AsBits(y) ^ (ShiftLeft(quadrant, 30) & 0x80000000));
}

Scalar SinOrCos(const Scalar& x, Wave wave) {
  Scalar y = ShortForm(x, wave);
  if (wave == Wave::kSin) y = Select(x == 0, x, y);
  ScalarEmitter& emitter = x.emitter();
  const Scalar is_short = Abs(x) <= kShortLimit;
  return emitter.UnlessAny(~is_short, {y}, [&]() -> ScalarEmitter::Values {
    const DType result[] = {DType::f32};
    const Scalar far = emitter.CallOutOfLine(wave == Wave::kSin ? "sin.f32" : "cos.f32", std::span(&x, 1), result,
                                             [&](ScalarEmitter&, std::span<const Scalar> argument) {
                                               return ScalarEmitter::Values{LongForm(argument[0], wave)};
                                             })[0];
    return {Select(is_short, y, far)};
  })[0];
}

}  // namespace

Scalar Sin32(const Scalar& x) { return SinOrCos(x, Wave::kSin); }
Scalar Cos32(const Scalar& x) { return SinOrCos(x, Wave::kCos); }

}  // namespace duet
