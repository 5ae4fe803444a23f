// PlaceBuffers: gives every arena buffer of a plan its offset and decides which outputs may be written in place.
#pragma once

#include <span>

#include "jit/loop_plan.h"
#include "jit/region_plans.h"

namespace duet {

/// `variable_inputs`: per output, the variable's input (of a region: the carry) that it replaces, or -1. `plans`: those
/// of the program, which number its symbols.
void PlaceBuffers(LoopPlan& plan, std::span<const std::int32_t> variable_inputs, bool reuse, bool is_region,
                  RegionPlans& plans);

}  // namespace duet
