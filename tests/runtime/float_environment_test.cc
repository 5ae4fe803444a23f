// FloatEnvironmentScope: the default environment inside, the user's outside.
#include "runtime/float_environment.h"

#include <gtest/gtest.h>

#include <limits>

namespace duet {
namespace {

float Halved(float value) {
  volatile float x = value;
  x = x * 0.5f;
  return x;
}

TEST(FloatEnvironment, IsPinnedInsideAndRestoredOutside) {
  constexpr unsigned kRoundings[] = {0x0000, 0x2000, 0x4000, 0x6000};
  const float tiny = std::numeric_limits<float>::min();
  for (unsigned rounding : kRoundings)
    for (unsigned flush : {0x0000u, 0x8000u, 0x0040u, 0x8040u}) {
      const unsigned user = kDefaultMxcsr | rounding | flush;
      _mm_setcsr(user);
      unsigned inside;
      float halved;
      {
        FloatEnvironmentScope scope;
        inside = _mm_getcsr();
        halved = Halved(tiny);
      }
      const unsigned after = _mm_getcsr();
      _mm_setcsr(kDefaultMxcsr);
      EXPECT_EQ(inside & ~kMxcsrFlags, kDefaultMxcsr);
      EXPECT_EQ(halved, 0x1p-127f) << "a subnormal was flushed";
      EXPECT_EQ(after & ~kMxcsrFlags, user & ~kMxcsrFlags);
    }
}

TEST(FloatEnvironment, StickyFlagsAloneChangeNothing) {
  _mm_setcsr(kDefaultMxcsr | 0x20);
  {
    FloatEnvironmentScope scope;
    EXPECT_EQ(_mm_getcsr() & 0x20u, 0x20u);
  }
  _mm_setcsr(kDefaultMxcsr);
}

}  // namespace
}  // namespace duet
