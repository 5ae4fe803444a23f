#include "jit/llvm/orc_compiler.h"

#include <duet/error.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "jit/llvm/emit_plan.h"
#include "jit/llvm/orc_linker.h"
#include "jit/llvm/target.h"
#include "runtime/options.h"

namespace duet {
namespace {

constexpr const char* kEntry = "duet_entry";

/// Machines are not thread-safe and cost as much as a small compile: one per thread that compiles.
llvm::TargetMachine& ThreadMachine(Isa isa, CodegenEffort effort = CodegenEffort::kDefault) {
  thread_local std::unique_ptr<llvm::TargetMachine> machines[2][2];
  auto& machine = machines[static_cast<std::size_t>(isa)][static_cast<std::size_t>(effort)];
  if (!machine) machine = MakeTargetMachine(MakeTargetSpec(isa), effort);
  return *machine;
}

/// The time for a function grows faster than its size.
CodegenEffort EffortFor(const llvm::Module& module) {
  constexpr unsigned kHuge = 10000;  // instructions: half a second, against a thirtieth of that without effort
  const bool is_huge = std::any_of(module.begin(), module.end(), [](const llvm::Function& function) {
    return function.getInstructionCount() > kHuge;
  });
  return is_huge ? CodegenEffort::kFast : CodegenEffort::kDefault;
}

class Milliseconds {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::milli>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct EmittedPlan {
  EmittedPlan(const LoopPlan& plan, Isa isa, const std::string& symbol) : module(plan.name, context) {
    context.setDiscardValueNames(true);
    ConfigureModule(module, ThreadMachine(isa));
    EmitPlan(module, plan, symbol, isa);
    if (!options().verify) return;
    std::string problem;
    llvm::raw_string_ostream stream(problem);
    if (llvm::verifyModule(module, &stream)) throw Error("compile: bad LLVM IR: " + problem);
  }
  llvm::LLVMContext context;
  llvm::Module module;
};

class OrcExecutable : public Executable {
 public:
  explicit OrcExecutable(std::string_view object) : code_(object) {
    entry = code_.Find<EntryFunction>(kEntry);
    code_bytes = static_cast<std::int64_t>(object.size());
  }

 private:
  LinkedCode code_;
};

}  // namespace

std::unique_ptr<Executable> OrcCompiler::Compile(const LoopPlan& plan) {
  CompileTimes times;
  Milliseconds clock;
  llvm::SmallVector<char, 0> object;
  {
    EmittedPlan emitted(plan, isa_, kEntry);
    times.emit_ms = clock.Lap();
    EmitObject(emitted.module, ThreadMachine(isa_, EffortFor(emitted.module)), object);
  }
  times.codegen_ms = clock.Lap();
  auto executable = std::make_unique<OrcExecutable>(std::string_view(object.data(), object.size()));
  times.link_ms = clock.Lap();
  executable->times = times;
  return executable;
}

std::string OrcCompiler::EmitLlvm(const LoopPlan& plan) {
  EmittedPlan emitted(plan, isa_, kEntry);
  std::string text;
  llvm::raw_string_ostream(text) << emitted.module;
  return text;
}

std::string OrcCompiler::EmitAssembly(const LoopPlan& plan) {
  EmittedPlan emitted(plan, isa_, kEntry);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (ThreadMachine(isa_).addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile)) {
    throw Error("compile: LLVM cannot write assembly");
  }
  passes.run(emitted.module);
  return std::string(text);
}

}  // namespace duet
