// Tables of the f64 functions, one entry per interval of the argument; math_f64.cc and its neighbours look them up.
#pragma once

#include <cstdint>

namespace duet::tables_f64 {

extern const double kExp2[16];      ///< 2^(i/16), rounded
extern const double kExp2Rest[16];  ///< what is missing, relative to it

// As in tables_f32.h.
extern const double kLogFactor[16];
extern const double kLnHigh[16], kLnLow[16];
extern const double kLog2High[16], kLog2Low[16];
extern const double kErfCentre[16];
extern const double kErfPolynomial[14][16];

extern const std::uint64_t kTwoOverPi[21];  ///< the first 1,344 bits of 2 / pi after the point

}  // namespace duet::tables_f64
