// The one order of reductions, as a scalar model written from docs/numerics.md: 64 lanes, blocks of 4,096 elements, a
// tree over the lanes by halves, pairwise over the blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace duet {

/// Folds elements [0, count) of `element` with `combine`, lanes starting at `identity`. T: the accumulator.
template <class T, class ElementAt, class Combine>
T ReduceInOrder(std::int64_t count, T identity, ElementAt element, Combine combine) {
  constexpr std::int64_t kLanes = 64, kBlock = 4096;
  std::vector<T> blocks;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    std::vector<T> lanes(kLanes, identity);
    for (std::int64_t i = begin; i < count && i < begin + kBlock; ++i) {
      T& lane = lanes[static_cast<std::size_t>(i % kLanes)];
      lane = combine(lane, element(i));
    }
    for (std::size_t half = kLanes / 2; half > 0; half /= 2)
      for (std::size_t l = 0; l < half; ++l) lanes[l] = combine(lanes[l], lanes[l + half]);
    blocks.push_back(lanes[0]);
  }
  if (blocks.empty()) return identity;
  while (blocks.size() > 1) {
    std::vector<T> pairs;
    for (std::size_t i = 0; i + 1 < blocks.size(); i += 2) pairs.push_back(combine(blocks[i], blocks[i + 1]));
    if (blocks.size() % 2) pairs.push_back(blocks.back());
    blocks = std::move(pairs);
  }
  return blocks[0];
}

}  // namespace duet
