#include "jit/llvm/orc_compiler.h"

#include <duet/error.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/MapperJITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

#include <algorithm>
#include <atomic>
#include <chrono>

#include "jit/llvm/emit_plan.h"
#include "jit/llvm/target.h"
#include "runtime/options.h"

namespace duet {
namespace {

[[noreturn]] void Throw(const char* what, llvm::Error error) {
  throw Error(std::string("compile: ") + what + ": " + llvm::toString(std::move(error)));
}
template <class T>
T Check(const char* what, llvm::Expected<T> value) {
  if (!value) Throw(what, value.takeError());
  return std::move(*value);
}

/// Links nothing but what it is given: no process symbols, no platform. Code lies packed in slabs.
std::unique_ptr<llvm::orc::LLJIT> MakeLinker() {
  constexpr std::size_t kSlabBytes = std::size_t{64} << 20;
  using namespace llvm::orc;
  auto make_layer = [](ExecutionSession& session) -> llvm::Expected<std::unique_ptr<ObjectLayer>> {
    auto memory = MapperJITLinkMemoryManager::CreateWithMapper<InProcessMemoryMapper>(kSlabBytes);
    if (!memory) return memory.takeError();
    return std::make_unique<ObjectLinkingLayer>(session, std::move(*memory));
  };
  JITTargetMachineBuilder target(llvm::Triple("x86_64-unknown-linux-gnu"));
  return Check("starting ORC", LLJITBuilder()
                                   .setJITTargetMachineBuilder(std::move(target))
                                   .setLinkProcessSymbolsByDefault(false)
                                   .setPlatformSetUp(setUpInactivePlatform)
                                   .setObjectLinkingLayerCreator(make_layer)
                                   .create());
}

/// Never destroyed: a thread may still run compiled code, or drop an Executable, while the process ends.
llvm::orc::LLJIT& Linker(const llvm::TargetMachine&) {
  static llvm::orc::LLJIT* linker = MakeLinker().release();
  return *linker;
}

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
  EmittedPlan(const LoopPlan& plan, Isa isa, llvm::TargetMachine& machine, const std::string& symbol)
      : module(plan.name, context) {
    context.setDiscardValueNames(true);
    ConfigureModule(module, machine);
    EmitPlan(module, plan, symbol, isa);
  }
  llvm::LLVMContext context;
  llvm::Module module;
};

class OrcExecutable : public Executable {
 public:
  explicit OrcExecutable(llvm::orc::ResourceTrackerSP tracker) : tracker_(std::move(tracker)) {}
  ~OrcExecutable() override { llvm::consumeError(tracker_->remove()); }

 private:
  llvm::orc::ResourceTrackerSP tracker_;
};

}  // namespace

std::unique_ptr<Executable> OrcCompiler::Compile(const LoopPlan& plan) {
  static std::atomic<std::uint64_t> count{0};
  const std::string symbol = "duet_" + std::to_string(count++);
  CompileTimes times;
  Milliseconds clock;

  llvm::TargetMachine& machine = ThreadMachine(isa_);
  llvm::SmallVector<char, 0> object;
  {
    EmittedPlan emitted(plan, isa_, machine, symbol);
    if (options().verify) {
      std::string problem;
      llvm::raw_string_ostream stream(problem);
      if (llvm::verifyModule(emitted.module, &stream)) throw Error("compile: bad LLVM IR: " + problem);
    }
    times.emit_ms = clock.Lap();
    EmitObject(emitted.module, ThreadMachine(isa_, EffortFor(emitted.module)), object);
    times.codegen_ms = clock.Lap();
  }

  llvm::orc::LLJIT& linker = Linker(machine);
  llvm::orc::JITDylib& library = linker.getMainJITDylib();
  auto tracker = library.createResourceTracker();
  auto executable = std::make_unique<OrcExecutable>(tracker);
  executable->code_bytes = static_cast<std::int64_t>(object.size());
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(llvm::StringRef(object.data(), object.size()), symbol);
  if (auto error = linker.addObjectFile(tracker, std::move(buffer))) Throw("adding an object", std::move(error));
  const auto address = Check("linking", linker.lookupLinkerMangled(library, symbol));
  executable->entry = address.toPtr<EntryFunction>();
  times.link_ms = clock.Lap();
  executable->times = times;
  return executable;
}

std::string OrcCompiler::EmitLlvm(const LoopPlan& plan) {
  EmittedPlan emitted(plan, isa_, ThreadMachine(isa_), plan.name);
  std::string text;
  llvm::raw_string_ostream(text) << emitted.module;
  return text;
}

std::string OrcCompiler::EmitAssembly(const LoopPlan& plan) {
  llvm::TargetMachine& machine = ThreadMachine(isa_);
  EmittedPlan emitted(plan, isa_, machine, plan.name);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile)) {
    throw Error("compile: LLVM cannot write assembly");
  }
  passes.run(emitted.module);
  return std::string(text);
}

}  // namespace duet
