// The eager kernels as loop plans: one for each op of ops.def, dtype and layout of eager/kernel_table.h that eager code
// asks for.
#pragma once

#include <string>
#include <vector>

#include "jit/llvm/emit_frame.h"
#include "jit/loop_plan.h"

namespace duet {

struct KernelPlan {
  Op op;
  DType operand, result;
  std::uint8_t layout;
  std::string name;  ///< add_f32_01: what the symbol ends with
  LoopPlan plan;
};

std::vector<KernelPlan> AllKernelPlans();

}  // namespace duet
