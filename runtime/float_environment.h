// The floating-point environment that Duet's numbers are defined in: round to nearest, subnormals kept, no traps.
#pragma once

#include <immintrin.h>

namespace duet {

inline constexpr unsigned kDefaultMxcsr = 0x1F80;
inline constexpr unsigned kMxcsrFlags = 0x3F;  // sticky exception flags: nobody's business

inline void PinFloatEnvironment() { _mm_setcsr(kDefaultMxcsr); }

/// The default environment while it lives; what the user had set comes back after.
class FloatEnvironmentScope {
 public:
  FloatEnvironmentScope() : outer_(_mm_getcsr()) {
    if ((outer_ & ~kMxcsrFlags) != kDefaultMxcsr) _mm_setcsr(kDefaultMxcsr);
  }
  ~FloatEnvironmentScope() {
    if ((outer_ & ~kMxcsrFlags) != kDefaultMxcsr) _mm_setcsr(outer_);
  }
  FloatEnvironmentScope(const FloatEnvironmentScope&) = delete;
  FloatEnvironmentScope& operator=(const FloatEnvironmentScope&) = delete;

 private:
  unsigned outer_;
};

}  // namespace duet
