#include "jit/llvm/target.h"

#include <llvm/CodeGen/CodeGenTargetMachineImpl.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include <mutex>
#include <stdexcept>

namespace duet {
namespace {

void InitializeX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

}  // namespace

TargetSpec MakeTargetSpec(Isa isa) {
  if (isa == Isa::kV4) return {isa, "x86-64-v4", "", 64};
  return {isa, "x86-64-v3", "", 32};
}

std::unique_ptr<llvm::TargetMachine> MakeTargetMachine(const TargetSpec& target, CodegenEffort effort) {
  InitializeX86();
  const llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string error;
  const llvm::Target* x86 = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!x86) throw std::runtime_error("LLVM cannot generate x86-64 code: " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  const auto level = effort == CodegenEffort::kFast ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Default;
  std::unique_ptr<llvm::TargetMachine> machine(x86->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level));
  if (!machine) throw std::runtime_error("LLVM cannot generate code for " + target.cpu);
  // The default would pick FastISel or GlobalISel by level; what a value's bits are must not depend on the selector.
  machine->setFastISel(false);
  machine->setO0WantsFastISel(false);
  return machine;
}

void ConfigureModule(llvm::Module& module, const llvm::TargetMachine& machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
}

void ConfigureFunction(llvm::Function& function, Isa isa) {
  const char* bits = isa == Isa::kV4 ? "512" : "256";
  function.addFnAttr("prefer-vector-width", bits);
  function.addFnAttr("min-legal-vector-width", bits);
  function.addFnAttr("no-builtins");
  function.addFnAttr(llvm::Attribute::NoUnwind);
}

void EmitObject(llvm::Module& module, llvm::TargetMachine& machine, llvm::SmallVectorImpl<char>& object) {
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  auto& target = static_cast<llvm::CodeGenTargetMachineImpl&>(machine);
  // What addPassesToEmitFile does, but for a say in the passes: the machine scheduler takes time that grows faster
  // than a block and gains nothing on code that is already in a good order.
  auto* info = new llvm::MachineModuleInfoWrapperPass(&target);
  llvm::TargetPassConfig* config = target.createPassConfig(passes);
  config->setDisableVerify(true);
  config->disablePass(&llvm::MachineSchedulerID);
  passes.add(config);
  passes.add(info);
  if (config->addISelPasses())
    throw std::runtime_error("LLVM cannot select instructions for " + machine.getTargetCPU().str());
  config->addMachinePasses();
  config->setInitialized();
  if (machine.addAsmPrinter(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile, info->getMMI().getContext())) {
    throw std::runtime_error("LLVM cannot write object files for " + machine.getTargetCPU().str());
  }
  passes.add(llvm::createFreeMachineFunctionPass());
  passes.run(module);
}

}  // namespace duet
