// Small random graphs that mix elementwise ops, views, reductions, pieces, library ops and writes: shapes are chosen to
// meet, so that most nodes can fuse with others in some way.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"
#include "tests/jit/loop_plan_interpreter.h"

namespace duet {

Graph RandomPlanGraph(std::uint64_t seed, int nodes);
/// Small numbers, zeros among them; indices stay in range.
std::vector<PlanArray> RandomPlanInputs(const Graph& graph, std::uint64_t seed);

}  // namespace duet
