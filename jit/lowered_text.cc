#include "jit/lowered_text.h"

#include <duet/error.h>

#include <algorithm>

#include "graph/print.h"
#include "jit/compiler.h"
#include "passes/fuse.h"
#include "runtime/options.h"

namespace duet {
namespace {

bool IsDisabled(const char* pass) {
  const auto& disabled = options().disabled_passes;
  return std::find(disabled.begin(), disabled.end(), pass) != disabled.end();
}

Compiler& NeededCompiler(const std::string& stage) {
  Compiler* compiler = GetCompiler();
  if (!compiler) throw ValueError("stage " + stage + " needs the compiler: " + WhyNoCompiler());
  return *compiler;
}

}  // namespace

LoopPlanOptions PlanOptionsFromEnvironment() {
  LoopPlanOptions plan;
  plan.fuse = !IsDisabled("fuse");
  plan.reuse_memory = !IsDisabled("plan_memory");
  return plan;
}

std::string LoweredText(const Graph& optimized, const std::string& stage) {
  const LoopPlanOptions plan = PlanOptionsFromEnvironment();
  if (stage == "optimized") return PrintGraph(optimized);
  if (stage == "fused") return FusedText(optimized, Fuse(optimized, {.enabled = plan.fuse}));
  if (stage == "loops") return to_string(BuildLoopPlan(optimized, plan));
  if (stage == "llvm") return NeededCompiler(stage).EmitLlvm(BuildLoopPlan(optimized, plan));
  if (stage == "asm") return NeededCompiler(stage).EmitAssembly(BuildLoopPlan(optimized, plan));
  throw ValueError("no stage " + stage + "; there are traced, optimized, fused, loops, llvm, asm");
}

}  // namespace duet
