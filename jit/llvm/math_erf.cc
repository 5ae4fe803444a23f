// erf: 16 intervals of |x| of one width, a polynomial each, in steps from a centre where erf is almost a float.
#include "jit/llvm/meaning_math.h"
#include "jit/llvm/primitives.h"
#include "jit/llvm/tables_f32.h"
#include "jit/llvm/tables_f64.h"

namespace duet {

Scalar Erf32(const Scalar& x) {
  using namespace tables_f32;
  const Scalar a = MinOrSecond(x.Like(4), Abs(x));        // not before 3.92: erf has not become 1 yet
  const Scalar u = Fma(a, x.Like(3.8f), x.Like(0x1p23));  // the interval's number in the low bits
  const Scalar interval = AsBits(u);
  const Scalar t = a - Lookup(kErfCentre, interval);
  const Scalar base = Select(u < 0x1.000002p23, t, Lookup(kErfPolynomial[0], interval));
  Scalar q = Lookup(kErfPolynomial[6], interval);
  for (int i = 5; i > 0; --i) q = Fma(q, t, Lookup(kErfPolynomial[i], interval));
  return WithSignOf(Fma(q, t, base), x);
}

Scalar Erf64(const Scalar& x) {
  using namespace tables_f64;
  const Scalar a = MinOrSecond(x.Like(5.95), Abs(x));
  const Scalar u = Fma(a, x.Like(2.6), x.Like(0x1p52));
  const Scalar interval = AsBits(u);
  const Scalar t = a - Lookup(kErfCentre, interval);
  const Scalar base = Select(u < 0x1.0000000000001p52, t, Lookup(kErfPolynomial[0], interval));
  Scalar q = Lookup(kErfPolynomial[13], interval);
  for (int i = 12; i > 0; --i) q = Fma(q, t, Lookup(kErfPolynomial[i], interval));
  return WithSignOf(Fma(q, t, base), x);
}

}  // namespace duet
