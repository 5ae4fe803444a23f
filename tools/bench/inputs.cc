#include "tools/bench/inputs.h"

#include <fmt/format.h>

#include <vector>

namespace duet::bench {

std::uint64_t Bits(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t z = (seed << 32) + (i + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

Tensor Input::Make() const {
  const auto count = static_cast<std::size_t>(shape.elements());
  switch (kind) {
    case Kind::kConstant:
      return full(shape, low);
    case Kind::kLabels: {
      std::vector<std::int64_t> labels(count);
      for (std::size_t i = 0; i < count; ++i)
        labels[i] = static_cast<std::int64_t>((Bits(seed, i) >> 40) % static_cast<std::uint64_t>(classes));
      return tensor(labels);
    }
    case Kind::kUniform:
      break;
  }
  std::vector<float> values(count);
  const float span = high - low;
  for (std::size_t i = 0; i < count; ++i) {
    const float u = static_cast<float>(Bits(seed, i) >> 40) * 0x1p-24f;
    values[i] = low + span * u;
  }
  return tensor(values, shape);
}

std::string Input::Text() const {
  switch (kind) {
    case Kind::kConstant:
      return fmt::format("f32{} of {}", to_string(shape), low);
    case Kind::kLabels:
      return fmt::format("L({}, {}, {})", seed, shape.elements(), classes);
    case Kind::kUniform:
      break;
  }
  return fmt::format("U({}, {}, {:.4g}, {:.4g})", seed, to_string(shape), low, high);
}

}  // namespace duet::bench
