// Runs a LoopPlan element by element in plain C++: what the plan means, without code generation. Every access is
// checked against its buffer, memory nobody wrote is poison, and items run in either order, so a plan whose items
// depend on each other, or whose values share bytes too early, gives other results.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "jit/loop_plan.h"
#include "tests/jit/loop_plan_scalar.h"

namespace duet {

/// A contiguous array.
struct PlanArray {
  Type type;
  std::vector<std::byte> bytes;
};

struct InterpreterOptions {
  bool reverse_items = false;
  bool in_place = true;  ///< outputs are the very buffers of the inputs that the plan names
};

/// Throws std::logic_error when an access leaves its buffer, IndexError when an index is out of range.
std::vector<PlanArray> InterpretLoopPlan(const LoopPlan& plan, std::span<const PlanArray> inputs,
                                         const InterpreterOptions& options = {});

/// The value of every output (then of the last write of each variable), node by node, without a plan.
std::vector<PlanArray> EvaluateNaively(const Graph& graph, std::span<const PlanArray> inputs);

}  // namespace duet
