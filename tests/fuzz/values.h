// Values: what the inputs of a random graph hold: special values first (zeros of both signs, infinities, NaN, the ends
// of every range, neighbours of 1), then random bits; and how they lie in memory. A value depends on the seed and on
// the input's name and type alone, so an input keeps its value while the graph around it is cut.
//
//   idsN...  integers in [-N, N): indices that are in range for an axis of N
//   badN...  the same, some of them out of range
//   t_...    numbers between -2 and 2, integers between -9 and 9
#pragma once

#include <cstdint>
#include <string>

#include "runtime/tensor_body.h"

namespace duet::fuzz {

/// Contiguous.
Tensor InputValue(const std::string& name, const Type& type, std::uint64_t seed);

/// A constant for the generator: one number all over, or any values.
Tensor SplatValue(const Type& type, double number);
Tensor AnyValue(const Type& type, std::uint64_t seed);

enum class Layout { kPlain, kGuarded, kTransposed, kStrided, kReversed, kOffset };
inline constexpr int kLayoutCount = 6;

/// The same elements in another layout. kGuarded ends at a page that must not be touched.
Tensor WithLayout(const Tensor& contiguous, Layout layout);

/// Of dtype, shape and bits; all NaN are one.
std::uint64_t HashValue(const Tensor& tensor, std::uint64_t seed);

/// Equal in dtype, shape and bits, a NaN equal to a NaN. When not: the first difference as text.
bool SameValues(const Tensor& a, const Tensor& b, std::string* difference);

}  // namespace duet::fuzz
