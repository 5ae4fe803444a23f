#include "jit/llvm/orc_compiler.h"

#include <duet/error.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/OptBisect.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "jit/llvm/debug_lines.h"
#include "jit/llvm/emit_plan.h"
#include "jit/llvm/orc_linker.h"
#include "jit/llvm/target.h"
#include "jit/process_exit.h"
#include "runtime/options.h"
#include "runtime/thread_object.h"

namespace duet {
namespace {

// Equal plans are equal bytes; with names for debuggers the function's own.
constexpr const char* kEntry = "duet_entry";
std::string SymbolOf(const LoopPlan& plan, bool debug) { return debug ? "duet::" + plan.name : kEntry; }

/// Machines are not thread-safe and cost as much as a small compile: one per thread that compiles.
llvm::TargetMachine& ThreadMachine(Isa isa, CodegenEffort effort = CodegenEffort::kDefault) {
  struct Machines {
    std::unique_ptr<llvm::TargetMachine> of[2][2];
  };
  auto& machine = ThreadObject<Machines>::Get().of[static_cast<std::size_t>(isa)][static_cast<std::size_t>(effort)];
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

/// LLVM asks it before most passes whether to run them: all of them, until the process exits.
struct PassesUntilExit final : llvm::OptPassGate {
  bool isEnabled() const override {
    StopAtExit();
    return false;
  }
};

struct EmittedPlan {
  EmittedPlan(const LoopPlan& plan, Isa isa, bool debug) : module(plan.name, context) {
    context.setDiscardValueNames(true);
    context.setOptPassGate(gate);
    ConfigureModule(module, ThreadMachine(isa));
    {
      std::optional<DebugLines> lines;
      if (debug) lines.emplace(module);
      EmitPlan(module, plan, SymbolOf(plan, debug), isa, lines ? &*lines : nullptr);
    }
    if (!options().verify) return;
    std::string problem;
    llvm::raw_string_ostream stream(problem);
    if (llvm::verifyModule(module, &stream)) throw Error("compile: bad LLVM IR: " + problem);
  }
  PassesUntilExit gate;
  llvm::LLVMContext context;
  llvm::Module module;
};

class OrcExecutable : public Executable {
 public:
  OrcExecutable(std::string_view object, const std::string& symbol) : code_(object) {
    entry = code_.Find<EntryFunction>(symbol);
    code_bytes = static_cast<std::int64_t>(object.size());
  }

 private:
  LinkedCode code_;
};

}  // namespace

std::unique_ptr<Executable> OrcCompiler::Compile(const LoopPlan& plan) {
  const bool debug = options().gdb || options().perf;
  CompileTimes times;
  const std::string object = EmitObjectFile(plan, debug, &times);
  Milliseconds clock;
  auto executable = std::make_unique<OrcExecutable>(object, SymbolOf(plan, debug));
  times.link_ms = clock.Lap();
  executable->times = times;
  return executable;
}

std::string OrcCompiler::EmitObjectFile(const LoopPlan& plan, bool debug, CompileTimes* times) {
  Milliseconds clock;
  EmittedPlan emitted(plan, isa_, debug);
  times->emit_ms = clock.Lap();
  llvm::SmallVector<char, 0> object;
  EmitObject(emitted.module, ThreadMachine(isa_, EffortFor(emitted.module)), object);
  times->codegen_ms = clock.Lap();
  return {object.begin(), object.end()};
}

std::string OrcCompiler::EmitLlvm(const LoopPlan& plan) {
  EmittedPlan emitted(plan, isa_, /*debug=*/false);
  std::string text;
  llvm::raw_string_ostream(text) << emitted.module;
  return text;
}

std::string OrcCompiler::EmitAssembly(const LoopPlan& plan) {
  EmittedPlan emitted(plan, isa_, /*debug=*/false);
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
