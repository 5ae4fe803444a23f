// Control flow in a loop plan: a node with regions becomes a ScalarStep when all its values are 0-d, else a ControlStep
// whose regions are plans of their own.
#pragma once

#include "jit/build_loop_plan.h"
#include "jit/build_loop_plan_buffers.h"

namespace duet {

Step WriteControl(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group, const LoopPlanOptions& options);

}  // namespace duet
