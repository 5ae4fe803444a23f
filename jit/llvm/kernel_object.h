// KernelObject: the object file with the eager kernels of one instruction set. Called by the kernel generator.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "jit/llvm/emit_frame.h"
#include "jit/llvm/matmul_kernels.h"
#include "jit/loop_plan.h"
#include "runtime/cpu.h"

namespace duet {

struct KernelSource {
  std::string symbol;
  const LoopPlan* plan = nullptr;
};

/// The bytes of the object file: the kernels, and those of the matrix product, whose rows are appended to `matmul`.
/// Throws Error when the IR is broken, with LLVM's text.
std::string CompileKernelObject(Isa isa, std::span<const KernelSource> kernels,
                                std::vector<EmittedMatmulKernel>* matmul);

}  // namespace duet
