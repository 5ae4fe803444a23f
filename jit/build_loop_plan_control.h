// Control flow in a loop plan: a node with regions becomes a ScalarStep when all its values are 0-d, else a ControlStep
// whose regions are plans of their own. A call in a ScalarStep is copied into it.
#pragma once

#include "jit/build_loop_plan.h"
#include "jit/build_loop_plan_buffers.h"

namespace duet {

/// `plans`: of the regions that have been met so far.
Step WriteControl(const Graph& graph, PlanBuffers& buffers, const FusionGroup& group, const LoopPlanOptions& options,
                  RegionPlans& plans);

}  // namespace duet
