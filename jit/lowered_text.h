// The later stages of an optimised graph as text, for dumps: `function`'s text(stage) and `duet-trace show --stage`.
#pragma once

#include <string>

#include "graph/graph.h"
#include "jit/build_loop_plan.h"

namespace duet {

/// As DUET_DISABLE_PASSES says: fuse and plan_memory.
LoopPlanOptions PlanOptionsFromEnvironment();

/// `stage`: optimized, fused, loops, llvm or asm. Throws ValueError for another, or when llvm and asm are not to be
/// had.
std::string LoweredText(const Graph& optimized, const std::string& stage);

}  // namespace duet
