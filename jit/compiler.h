// Compiler: what turns a LoopPlan into native code. libduet knows only this interface; libduet_jit registers the one
// implementation when it is loaded (or linked statically).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/loop_plan.h"
#include "runtime/frame.h"

namespace duet {

struct CompileTimes {
  double emit_ms = 0, codegen_ms = 0, link_ms = 0;
  double total() const { return emit_ms + codegen_ms + link_ms; }
};

/// Native code of one plan; frees the code when destroyed (never while a call runs).
class Executable {
 public:
  virtual ~Executable() = default;
  EntryFunction entry = nullptr;
  std::int64_t code_bytes = 0;
  CompileTimes times;
};

class Compiler {
 public:
  virtual ~Compiler() = default;
  /// Thread-safe. Throws Error when LLVM refuses, with LLVM's text.
  virtual std::unique_ptr<Executable> Compile(const LoopPlan& plan) = 0;
  /// LLVM IR text of a plan, for dumps.
  virtual std::string EmitLlvm(const LoopPlan& plan) = 0;
  /// Assembly of a plan, for dumps.
  virtual std::string EmitAssembly(const LoopPlan& plan) = 0;
};

/// Called by libduet_jit when it is loaded.
void RegisterCompiler(Compiler* compiler);
/// Loads libduet_jit on first use (DUET_JIT=off|auto|require). Null when there is none or it is off; with `require`
/// throws Error instead.
Compiler* GetCompiler();
/// Why that is null.
std::string WhyNoCompiler();

}  // namespace duet
