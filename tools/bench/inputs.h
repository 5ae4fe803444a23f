// The inputs of the workloads: fixed by a seed and a formula, so that figures of other programs can be compared.
#pragma once

#include <duet/duet.h>

#include <cstdint>
#include <string>

namespace duet::bench {

/// Element i of stream `seed`: splitmix64.
std::uint64_t Bits(std::uint64_t seed, std::uint64_t i);

struct Input {
  enum class Kind { kUniform, kLabels, kConstant };
  Kind kind;
  std::uint64_t seed;
  Shape shape;
  float low, high;       ///< kUniform; kConstant holds low
  std::int64_t classes;  ///< kLabels

  Tensor Make() const;
  std::string Text() const;
};

/// f32, low + (high - low) * u with u a multiple of 2^-24 in [0, 1); every step is rounded to f32.
inline Input Uniform(std::uint64_t seed, const Shape& shape, float low, float high) {
  return {Input::Kind::kUniform, seed, shape, low, high, 0};
}
/// i64, 0 to classes - 1.
inline Input Labels(std::uint64_t seed, std::int64_t count, std::int64_t classes) {
  return {Input::Kind::kLabels, seed, {count}, 0, 0, classes};
}
/// f32, all the same.
inline Input Constant(const Shape& shape, float value) { return {Input::Kind::kConstant, 0, shape, value, value, 0}; }

}  // namespace duet::bench
