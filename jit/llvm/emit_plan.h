// EmitPlan: a LoopPlan as functions of an LLVM module. Called by the JIT and by the kernel generator. The code has no
// external symbols, never unwinds, and computes the same bits for every ISA.
#pragma once

#include <string>

#include "jit/llvm/emit_frame.h"
#include "runtime/cpu.h"

namespace duet {

/// Adds int32_t symbol(Frame*). The module's target must have been set up (ConfigureModule). `lines`, where they are
/// asked for, describes the code for debuggers: functions are called after the symbol.
void EmitPlan(llvm::Module& module, const LoopPlan& plan, const std::string& symbol, Isa isa,
              DebugLines* lines = nullptr);

}  // namespace duet
