// Emits the micro kernels of the matrix product (eager/matmul.h has their contract and ABI) as LLVM IR. Called by the
// kernel generator at build time and by the tests. The kernels call nothing and take every stride at run time.
#pragma once

#include <duet/dtype.h>

#include <string>
#include <vector>

#include "runtime/cpu.h"

namespace llvm {
class Module;
}

namespace duet {

/// A row of the kernel table: MatmulKernelEntry with the symbol in place of the address.
struct EmittedMatmulKernel {
  std::string symbol;
  DType dtype;
  int vectors;
  int rows;
  bool masked;
};

/// Adds the kernels of one ISA to the module, whose target must have that ISA's features, and appends their rows.
void EmitMatmulKernels(llvm::Module& module, Isa isa, std::vector<EmittedMatmulKernel>* emitted);

}  // namespace duet
