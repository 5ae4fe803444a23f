#include "tests/sweep/values.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmath>
#include <string_view>

namespace duet {
namespace {

const std::vector<Element>& Edges(DType dtype) {
  static const std::vector<Element> edges[] = {EdgeValues(DType::bool_), EdgeValues(DType::i32), EdgeValues(DType::i64),
                                               EdgeValues(DType::f32), EdgeValues(DType::f64)};
  for (std::size_t i = 0; i < std::size(kStoredDTypes); ++i)
    if (kStoredDTypes[i] == dtype) return edges[i];
  std::abort();
}

}  // namespace

std::uint64_t Values::Bits() {  // splitmix64
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

Element Values::Any(DType dtype) {
  switch (Bits() % 3) {
    case 0: {
      const std::vector<Element>& edges = Edges(dtype);
      return edges[static_cast<std::size_t>(Below(static_cast<std::int64_t>(edges.size())))];
    }
    case 1:
      return Moderate(dtype);
    default:
      return dtype == DType::bool_ ? Bits() & 1 : Bits() >> (64 - 8 * bytes_of(dtype));
  }
}

Element Values::Moderate(DType dtype) {
  const std::uint64_t bits = Bits();
  const double uniform = static_cast<double>(static_cast<std::int64_t>(Bits())) * 0x1p-63;
  const double scaled = std::ldexp(uniform, static_cast<int>(bits % 12) - 5);
  switch (dtype) {
    case DType::bool_:
      return bits & 1;
    case DType::i32:
      return ToElement(static_cast<std::int32_t>(bits % 41) - 20);
    case DType::i64:
      return ToElement(static_cast<std::int64_t>(bits % 41) - 20);
    case DType::f32:
      return ToElement(static_cast<float>(scaled));
    default:
      return ToElement(scaled);
  }
}

Tensor Values::AnyTensor(DType dtype, const Shape& shape) {
  return TensorOf(Make(dtype, shape, [&](const Position&) { return Any(dtype); }));
}

Tensor Values::ModerateTensor(DType dtype, const Shape& shape) {
  return TensorOf(Make(dtype, shape, [&](const Position&) { return Moderate(dtype); }));
}

Tensor Values::Indices(DType dtype, const Shape& shape, std::int64_t n) {
  return TensorOf(Make(dtype, shape, [&](const Position&) {
    const std::int64_t index = Below(2 * n) - n;
    return dtype == DType::i32 ? ToElement(static_cast<std::int32_t>(index)) : ToElement(index);
  }));
}

std::pair<Tensor, Tensor> EdgePairs(DType dtype) {
  constexpr std::size_t kMost = 72;
  std::vector<Element> edges = Edges(dtype), some;
  // MIN, MAX, zeros, NaN and infinities stand at the ends of the list; of the rest every n-th is kept.
  const std::size_t stride = (edges.size() + kMost - 1) / kMost;
  for (std::size_t i = 0; i < edges.size(); ++i)
    if (i % stride == 0 || i < 6 || i + 6 >= edges.size()) some.push_back(edges[i]);
  const auto n = static_cast<std::int64_t>(some.size());
  const auto pick = [&](std::size_t axis) {
    return TensorOf(Make(dtype, {n * n}, [&](const Position& at) {
      return some[static_cast<std::size_t>(axis == 0 ? at[0] / n : at[0] % n)];
    }));
  };
  return {pick(0), pick(1)};
}

std::uint64_t Seed(Op op, DType dtype) {
  const std::string_view text = name(op);
  return XXH3_64bits_withSeed(text.data(), text.size(), static_cast<std::uint64_t>(dtype));
}

}  // namespace duet
