// The two machines Duet generates code for, and the way from an LLVM module to an object file.
//
// Called by the kernel generator and by the JIT. Code for a target has the same bits on every CPU that can run it:
// features are those of the x86-64 level and never more, and nothing here depends on the machine that compiles.
#pragma once

#include <llvm/ADT/SmallVector.h>
#include <llvm/Target/TargetMachine.h>

#include <memory>
#include <string>

#include "runtime/cpu.h"

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace duet {

struct TargetSpec {
  Isa isa;
  std::string cpu;       ///< LLVM's name of the level, which implies its features
  std::string features;  ///< features beyond `cpu`: none, so that no CPU's extras can leak in
  int vector_bytes;      ///< bytes of one register: 32 or 64

  /// Lanes a loop processes per step when its narrowest register type has `narrowest_bytes` (4 or 8).
  int width(int narrowest_bytes) const { return vector_bytes / narrowest_bytes; }
};

TargetSpec MakeTargetSpec(Isa isa);

/// kFast skips optimisation in code generation; for functions so large that the default would take seconds.
enum class CodegenEffort { kDefault, kFast };

/// One per compiling thread. Never null: a failure to create it is a broken installation and ends in an exception.
std::unique_ptr<llvm::TargetMachine> MakeTargetMachine(const TargetSpec& target,
                                                       CodegenEffort effort = CodegenEffort::kDefault);

/// Gives a new module the triple and data layout of the machine; before any function is emitted into it.
void ConfigureModule(llvm::Module& module, const llvm::TargetMachine& machine);

/// Gives a function the attributes all generated code has: full vector width, nounwind, no library calls.
/// Every function of a module needs it, or vector arguments would be passed in two ways.
void ConfigureFunction(llvm::Function& function, Isa isa);

/// Appends the object file made from the module. Leaves the module in a state fit only for destruction.
void EmitObject(llvm::Module& module, llvm::TargetMachine& machine, llvm::SmallVectorImpl<char>& object);

}  // namespace duet
