// RawNest: a nest as fusion sees it, one loop per axis of the group. ArrangeLoops: which of its loops becomes the
// vector loop, which are joined, how the work is cut into items and chunks.
#pragma once

#include <string>
#include <vector>

#include "jit/loop_plan.h"
#include "passes/index_map.h"

namespace duet {

/// Accesses have one stride per loop here.
struct RawNest {
  std::string name;
  LoopSizes loops;
  std::int32_t row = -1;  ///< the reduced loop, or the row; -1: none
  bool columns = false;   ///< `row` is the reduced loop of columns
  std::vector<Phase> phases;
  std::int32_t registers = 0;
};

/// Cuts a loop, from point `begin` on, into parts of `size`: a new loop, the last one, runs over `count` of them.
void SplitLoop(RawNest& nest, std::size_t loop, Dim size, Dim count, Dim begin = 0);

LoopNest ArrangeLoops(RawNest nest);

}  // namespace duet
