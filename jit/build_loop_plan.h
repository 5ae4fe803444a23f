// BuildLoopPlan: from an optimised graph to loop nests over buffers: fusion, then one or more steps per group, then
// memory. Called by `function` before native code, by duet-trace and by tests. Sizes may be symbols: what the plan asks
// of them is asked of the SymbolScope around it.
#pragma once

#include <span>

#include "graph/graph.h"
#include "jit/loop_plan.h"
#include "passes/fuse.h"

namespace duet {

class RegionPlans;

struct LoopPlanOptions {
  bool fuse = true;          ///< false: every node is a nest of its own
  bool keep_order = false;   ///< as FuseOptions::keep_order
  bool reuse_memory = true;  ///< false: every value in the arena has its own bytes, nothing is in place
};

/// Outputs are the graph's outputs, then one per variable written: the operand of its last write, in node order.
LoopPlan BuildLoopPlan(const Graph& graph, const LoopPlanOptions& options = {});
/// The plan of a region: its inputs and outputs are those of the graph. `replaced`: for the first outputs, the input
/// that each may be written over where the plan's in_place says so; or -1. `plans`: of the regions in it.
LoopPlan BuildRegionPlan(const Graph& region, std::span<const std::int32_t> replaced, const LoopPlanOptions& options,
                         RegionPlans& plans);
/// The same from a given fusion.
LoopPlan BuildLoopPlan(const Graph& graph, const FusionPlan& fusion, const LoopPlanOptions& options = {});

}  // namespace duet
