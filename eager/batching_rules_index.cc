// Batching rules of the ops that gather, scatter, multiply matrices and draw random numbers.
#include <duet/ops.h>

#include "eager/batching_rules.h"
#include "runtime/infer.h"

namespace duet {
namespace {

Tensor Transposed(const Tensor& x, const Shape& axes) {
  Attributes attributes;
  attributes.axes = axes;
  return Bind(Op::transpose, {&x}, attributes, {});
}

// Axes first ... first + count - 1 moved to begin at `to`, the others in order.
Tensor MoveAxes(const Tensor& x, int first, int count, int to) {
  Shape axes;
  for (int i = 0; i < x.rank(); ++i)
    if (i < first || i >= first + count) axes.push_back(i);
  for (int i = 0; i < count; ++i) axes.insert(to + i, first + i);
  return Transposed(x, axes);
}

// index_add or index_update of all examples.
Tensor Scattered(const BatchingContext& b, Tensor (*scatter)(const Arg&, const Arg&, const Arg&, int)) {
  const int axis = static_cast<int>(b.attributes().axes[0]);
  if (!b.is_batched(1)) return scatter(b.all(0), b.one(1), b.all(2), axis + 1);
  const Tensor x = MoveAxes(b.all(0), axis + 1, 1, 1), indices = b.all(1);
  const Tensor y = MoveAxes(b.all(2), axis + 1, indices.rank() - 1, 1);
  const Dim size = x.shape()[1];
  Shape rows = x.shape();
  rows.erase(0);
  rows[0] = x.shape()[0] * size;
  Shape parts = rows;
  parts[0] = ElementsOf(indices.shape());
  // Nothing is done to nothing, for what it raises where an index is out of range.
  const Shape count{ElementsOf(indices.shape())};
  scatter(zeros({size}, i32), reshape(indices, count), zeros(count, i32), 0);
  const Tensor wide = cast(indices, i64), in_range = where(wide < 0, wide + size, wide);
  const Tensor positions = reshape(in_range + iota(indices.shape(), 0) * size, count);
  const Tensor scattered = scatter(reshape(x, rows), positions, reshape(y, parts), 0);
  return MoveAxes(reshape(scattered, x.shape()), 1, 1, axis + 1);
}

}  // namespace

DUET_BATCHING(take) {
  const int axis = static_cast<int>(b.attributes().axes[0]);
  if (!b.is_batched(1)) return take(b.all(0), b.one(1), axis + 1);
  if (!b.is_batched(0)) return MoveAxes(take(b.one(0), b.all(1), axis), axis, 1, 0);
  const Tensor x = MoveAxes(b.all(0), axis + 1, 1, 1), indices = b.all(1);
  const Dim size = x.shape()[1];
  Shape flat = x.shape();
  flat.erase(0);
  flat[0] = x.shape()[0] * size;
  // Positions in the flat list of all examples' slices. Taking from the list of one example's positions raises what an
  // index out of range raises, and counts negative ones from the end.
  const Tensor positions = take(iota({size}, 0), indices) + iota(indices.shape(), 0) * size;
  const Tensor taken = take(reshape(x, flat), positions);
  return MoveAxes(taken, 1, indices.rank() - 1, 1 + axis);
}

DUET_BATCHING(index_add) { return Scattered(b, &index_add); }
DUET_BATCHING(index_update) { return Scattered(b, &index_update); }

DUET_BATCHING(matmul) {
  // One matrix on the right of all: the rows of all examples as one matrix.
  if (!b.is_batched(1) && b.one(0).rank() == 2) {
    const Tensor x = b.all(0);
    const Dim rows = x.shape()[1], columns = b.one(1).shape()[1];
    const Tensor product = matmul(reshape(x, {b.size() * rows, x.shape()[2]}), b.one(1));
    return reshape(product, {b.size(), rows, columns});
  }
  return matmul(b.all(0), b.all(1));
}

DUET_BATCHING(random_bits) {
  // Philox4x32-10 in i64 arithmetic: 32-bit words are kept in the low halves, products wrap to the right bits.
  constexpr std::int64_t kLow = 0xFFFFFFFF;
  const Attributes& a = b.attributes();
  const Dim count = ElementsOf(a.shape);
  const Shape grid{b.size(), count};
  const Tensor index = iota(grid, 1), key = broadcast_to(expand_dims(b.all(0), 1), grid);
  Tensor words[4] = {index & kLow, (index >> 32) & kLow, zeros(grid, i64), zeros(grid, i64)};
  Tensor keys[2] = {key & kLow, (key >> 32) & kLow};
  for (int round = 0; round < 10; ++round) {
    if (round > 0) {
      keys[0] = (keys[0] + std::int64_t{0x9E3779B9}) & kLow;
      keys[1] = (keys[1] + std::int64_t{0xBB67AE85}) & kLow;
    }
    const Tensor p = words[0] * std::int64_t{0xD2511F53}, q = words[2] * std::int64_t{0xCD9E8D57};
    const Tensor first = ((q >> 32) & kLow) ^ words[1] ^ keys[0], third = ((p >> 32) & kLow) ^ words[3] ^ keys[1];
    words[0] = first;
    words[1] = q & kLow;
    words[2] = third;
    words[3] = p & kLow;
  }
  const Tensor bits = a.dtype == i32 ? cast(words[0], i32) : words[0] | (words[1] << 32);
  Shape shape = a.shape;
  shape.insert(0, b.size());
  return reshape(bits, shape);
}

}  // namespace duet
