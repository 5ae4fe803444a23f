// Values: what sweeps feed to ops: the edges of each dtype (MIN, MAX, -1, zeros of both signs, infinities, NaN,
// subnormals, neighbours of powers of two) among random numbers, the same in every run.
#pragma once

#include <cstdint>

#include "tests/sweep/array.h"

namespace duet {

/// Of the op's name, so that a new row of the table leaves the values of the others as they are.
std::uint64_t Seed(Op op, DType dtype);

class Values {
 public:
  explicit Values(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Bits();
  std::int64_t Below(std::int64_t n) { return static_cast<std::int64_t>(Bits() % static_cast<std::uint64_t>(n)); }
  /// Edges, numbers of moderate size and random bits, a third each.
  Element Any(DType dtype);
  /// Finite, of either sign, within a few orders of magnitude: sums of them round at every step.
  Element Moderate(DType dtype);

  Tensor AnyTensor(DType dtype, const Shape& shape);
  Tensor ModerateTensor(DType dtype, const Shape& shape);
  /// Indices below n, counted from either end.
  Tensor Indices(DType dtype, const Shape& shape, std::int64_t n);

 private:
  std::uint64_t state_;
};

/// Every edge with every other one, as two tensors (a thinned list of edges for each when there are many).
std::pair<Tensor, Tensor> EdgePairs(DType dtype);

}  // namespace duet
