// OrcCompiler: the Compiler of libduet_jit. It emits a plan as one module, generates the object itself, and uses ORC as
// the linker and owner of the code only.
#pragma once

#include "jit/compiler.h"
#include "runtime/cpu.h"

namespace duet {

class OrcCompiler : public Compiler {
 public:
  /// Generates code for `isa`; to run it, the CPU must have it.
  explicit OrcCompiler(Isa isa) : isa_(isa) {}

  std::unique_ptr<Executable> Compile(const LoopPlan& plan) override;
  /// The object file that Compile links. `debug`: with a line of user code for each instruction, and names.
  std::string EmitObjectFile(const LoopPlan& plan, bool debug, CompileTimes* times);
  std::string EmitLlvm(const LoopPlan& plan) override;
  std::string EmitAssembly(const LoopPlan& plan) override;

 private:
  Isa isa_;
};

}  // namespace duet
