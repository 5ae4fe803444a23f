// Tables of the f32 functions, one entry per interval of the argument; math_f32.cc and its neighbours look them up.
#pragma once

namespace duet::tables_f32 {

// tanh and erf: in interval i, with t = |x| - centre[i], the value is p[0][i] + t * (p[1][i] + t * (...)). The centres
// were searched so that the value there is almost a float, hence p[0] needs no second part. Interval around 0: centre
// and p[0] are 0 and the constant term of the bracket is what the slope there exceeds 1 by.
extern const float kTanhCentre[16];
extern const float kTanhPolynomial[7][16];
extern const float kErfCentre[16];
extern const float kErfPolynomial[7][16];

// Logarithms: for a mantissa in interval i, kLogFactor[i] * mantissa is close to 1; the logarithm of 1 / kLogFactor[i]
// is high + low, high with so few bits that adding a multiple of the exponent to it is exact.
extern const float kLogFactor[16];
extern const float kLnHigh[16], kLnLow[16];
extern const float kLog2High[16], kLog2Low[16];

// 2^(16 i) / pi without its even integer part, i mod 8, as high + low: what turns a large argument into half turns.
extern const double kInversePiHigh[8], kInversePiLow[8];

}  // namespace duet::tables_f32
