// PlaceBuffers: gives every arena buffer of a plan its offset and decides which outputs may be written in place.
#pragma once

#include <span>

#include "jit/loop_plan.h"

namespace duet {

/// `variable_inputs`: per output, the variable's input (of a region: the carry) that it replaces, or -1.
void PlaceBuffers(LoopPlan& plan, std::span<const std::int32_t> variable_inputs, bool reuse, bool is_region);

}  // namespace duet
