// Random numbers with explicit keys: the same key gives the same numbers, in any mode and on any number of threads.
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11): element i is a function of (key,
// i).
#pragma once

#include <duet/ops.h>

#include <array>

namespace duet::random {

/// A 64-bit key in a 0-d i64 tensor.
class Key {
 public:
  explicit Key(std::int64_t seed, SourceLocation line = SourceLocation::current());
  /// Throws ValueError unless it is an i64[].
  explicit Key(Tensor value, SourceLocation line = SourceLocation::current());
  const Tensor& value() const { return value_; }

 private:
  Tensor value_;
};

/// A key of its own for each number: fold_in(key, step). Independent of the order of calls.
Key fold_in(const Key& key, const Arg& number);
/// The keys fold_in(key, 0) ... fold_in(key, N - 1).
template <int N>
std::array<Key, N> split(const Key& key) {
  return [&]<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Key, N>{fold_in(key, I)...};
  }(std::make_integer_sequence<int, N>());
}

/// Uniform bits: i32 or i64.
Tensor bits(const Key& key, const Shape& shape, DType dtype = i32, SourceLocation line = SourceLocation::current());
/// Uniform in [low, high): multiples of 2^-24 (f32) or 2^-53 (f64) of the range.
Tensor uniform(const Key& key, const Shape& shape, double low = 0, double high = 1, DType dtype = f32,
               SourceLocation line = SourceLocation::current());
/// Standard normal by Box and Muller.
Tensor normal(const Key& key, const Shape& shape, DType dtype = f32, SourceLocation line = SourceLocation::current());
/// 0 .. n - 1 in random order: the order that sorts n random 64-bit numbers.
Tensor permutation(const Key& key, Dim n, SourceLocation line = SourceLocation::current());

}  // namespace duet::random
