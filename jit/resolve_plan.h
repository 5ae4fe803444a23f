// LayOut: where the arrays of an arena lie, once their sizes are numbers.
#pragma once

#include <span>

#include "jit/loop_plan.h"
#include "passes/plan_memory.h"

namespace duet {

MemoryLayout LayOut(std::span<const ArenaRequest> arena, bool reuse);

}  // namespace duet
