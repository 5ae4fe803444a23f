#include "passes/pipeline.h"

#include <duet/error.h>
#include <fmt/format.h>

#include "passes/canonicalize.h"
#include "passes/eliminate_common_subexpressions.h"
#include "passes/eliminate_dead_code.h"
#include "passes/fold_constants.h"
#include "passes/inline_calls.h"
#include "passes/optimize_regions.h"
#include "passes/optimized_bodies.h"
#include "passes/simplify.h"

namespace duet {
namespace {

constexpr Pass kOptimizeRegions{"optimize_regions", OptimizeRegions};
constexpr Pass kInlineCalls{"inline_calls", InlineCalls};
constexpr Pass kCanonicalize{"canonicalize", Canonicalize};
constexpr Pass kFoldConstants{"fold_constants", FoldConstants};
constexpr Pass kSimplify{"simplify", Simplify};
constexpr Pass kEliminateCommonSubexpressions{"eliminate_common_subexpressions", EliminateCommonSubexpressions};
constexpr Pass kEliminateDeadCode{"eliminate_dead_code", EliminateDeadCode};

constexpr Pass kPasses[] = {
    kInlineCalls,     kCanonicalize,     kFoldConstants, kSimplify, kEliminateCommonSubexpressions,
    kOptimizeRegions, kEliminateDeadCode};

// Passes of the steps after Optimize: known by name, run elsewhere.
constexpr const char* kLaterPasses[] = {"fuse", "plan_memory"};

// Each round shortens the graph or ends the loop; two are the rule. The cap keeps a graph that was built to be slow
// linear.
constexpr int kMaxRounds = 10;

}  // namespace

void Optimize(Graph& graph, const PassOptions& given, PassObserver* observer) {
  PassOptions options = given;
  const bool is_region = options.bodies != nullptr;
  if (!is_region) options.bodies = std::make_shared<OptimizedBodies>();
  auto run = [&](const Pass& pass) { return RunPass(pass, graph, options, observer); };

  // Before anything else looks at what a call does; not in a region, where nobody knows how many calls a body has.
  if (!is_region) run(kInlineCalls);
  do {
    // So that what follows sees one form: GCC and Clang record the operands of an expression in different orders.
    run(kCanonicalize);
    for (int round = 0; round < kMaxRounds; ++round) {
      bool changed = false;
      // Before simplify: a computed 1 is a 1.
      changed |= run(kFoldConstants);
      changed |= run(kSimplify);
      // After simplify, which makes equal what was written in two ways; before the next round, because
      // `where(c, x, x)` and `x - x` are found only when both x are one value.
      changed |= run(kEliminateCommonSubexpressions);
      // Before optimize_regions: what only dead code uses of a region is not needed.
      run(kEliminateDeadCode);
      // After what shows that a choice is known; it moves code into the graph that the next round simplifies.
      changed |= run(kOptimizeRegions);
      if (!changed) break;
    }
    // After all that leaves dead code behind.
    run(kEliminateDeadCode);
    // Of a body's calls but one may have turned out to be dead or to be the same.
  } while (!is_region && run(kInlineCalls));
  // Last: rewrites put new nodes where they were needed, printing and keys want the canonical order.
  run(kCanonicalize);
}

std::span<const Pass> AllPasses() { return kPasses; }

const Pass* FindPass(std::string_view name) {
  for (const Pass& pass : kPasses)
    if (name == pass.name) return &pass;
  return nullptr;
}

void CheckPassNames(const std::vector<std::string>& disabled) {
  for (const std::string& name : disabled) {
    bool known = FindPass(name) != nullptr;
    for (const char* later : kLaterPasses) known |= name == later;
    if (known) continue;
    std::string names;
    for (const Pass& pass : kPasses) names += fmt::format("{}, ", pass.name);
    throw ValueError(
        fmt::format("no pass is called '{}'; there are {}{} and {}", name, names, kLaterPasses[0], kLaterPasses[1]));
  }
}

}  // namespace duet
