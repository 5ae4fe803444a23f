#include "jit/llvm/kernel_object.h"

#include <duet/error.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include "jit/llvm/emit_plan.h"
#include "jit/llvm/target.h"

namespace duet {

std::string CompileKernelObject(Isa isa, std::span<const KernelSource> kernels,
                                std::vector<EmittedMatmulKernel>* matmul) {
  const auto machine = MakeTargetMachine(MakeTargetSpec(isa));
  llvm::LLVMContext context;
  context.setDiscardValueNames(true);
  llvm::Module module(name(isa), context);
  ConfigureModule(module, *machine);
  for (const KernelSource& kernel : kernels) EmitPlan(module, *kernel.plan, kernel.symbol, isa);
  EmitMatmulKernels(module, isa, matmul);
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(module, &stream)) throw Error("bad LLVM IR: " + problem);
  llvm::SmallVector<char, 0> object;
  EmitObject(module, *machine, object);
  return {object.begin(), object.end()};
}

}  // namespace duet
