// ConvertElement: a C++ number as one of another type, as the op `cast` converts it.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

namespace duet {

/// Float to int truncates and saturates, NaN to 0; ints wrap; to bool is value != 0. Wants the pinned float
/// environment.
template <class To, class From>
To ConvertElement(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(value)) return 0;
    constexpr auto kLow = static_cast<From>(std::numeric_limits<To>::min());
    constexpr auto kEnd = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    if (value <= kLow) return std::numeric_limits<To>::min();
    if (value >= kEnd) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace duet
