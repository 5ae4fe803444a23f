// Makes the OrcCompiler libduet's Compiler when libduet_jit is loaded.
#include "jit/llvm/orc_compiler.h"

namespace duet {
namespace {

// Starts nothing of LLVM: that waits for the first compile. Never destroyed, as compiles may run until the end.
const bool g_registered = [] {
  RegisterCompiler(new OrcCompiler(ActiveIsa()));
  return true;
}();

}  // namespace
}  // namespace duet
