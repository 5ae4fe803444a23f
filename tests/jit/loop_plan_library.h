// The ops that are not loops over elements, and all others, on contiguous arrays, index by index: what the interpreter
// of plans calls for library steps, and what its results are compared with.
#pragma once

#include <span>

#include "tests/jit/loop_plan_interpreter.h"

namespace duet {

/// Which of a cond's regions runs.
std::size_t BranchOf(DType dtype, std::int64_t choice, std::size_t regions);

PlanArray RunLibraryOp(Op op, const Attributes& attributes, std::span<const PlanArray> operands, const Type& result);

}  // namespace duet
