// NativeFunction: a compiled graph and how to call it: which buffer is which argument, capture or variable, what its
// library steps run, which variables it locks.
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "jit/compiler.h"
#include "jit/loop_plan.h"

namespace duet {

class NativeFunction {
 public:
  /// Where the code was made for symbols: the plan for some sizes of them, and their Frame::dims (ResolvePlan).
  NativeFunction(const Graph& graph, LoopPlan plan, std::shared_ptr<const Executable> executable,
                 std::vector<std::int64_t> dims = {});

  /// Runs on these arguments (of the graph's types); appends the graph's outputs. Locks the variables it writes, in id
  /// order, for its whole run. Throws what an op raised, with its line; nothing was written to variables then.
  void Call(std::span<const Tensor* const> arguments, std::vector<Tensor>& outputs) const;

  const LoopPlan& plan() const { return plan_; }
  const Executable& executable() const { return *executable_; }
  /// Whether it writes variables.
  bool writes() const { return !written_.empty(); }
  /// Whether an op of it may raise: the caller replays it then, so that earlier writes happen and later ones do not.
  bool may_raise() const { return may_raise_; }

 private:
  struct Run;
  struct WrittenVariable {
    std::shared_ptr<VariableBody> body;
    std::int32_t input;   ///< index of its input
    std::int32_t output;  ///< index of the plan's output that holds its new value
    bool in_place;        ///< the output may be written over the input
  };

  struct UsedVariable {
    std::shared_ptr<VariableBody> body;
    std::int32_t input;
    bool is_written;
  };
  class VariableLocks;

  static void ParallelFor(Frame* frame, ChunkFunction body, std::int64_t count, std::int64_t grain);
  static std::int32_t LibraryStepNow(Frame* frame, std::int32_t index);
  static void RunLibraryStep(const Frame& frame, const LoopPlan& plan, const LibraryStep& step);

  std::vector<Input> inputs_;
  std::size_t result_count_;  ///< of the plan's outputs, those that the graph returns; variables' values follow
  std::vector<WrittenVariable> written_;  ///< in id order
  std::vector<UsedVariable> variables_;   ///< in id order
  LoopPlan plan_;
  std::vector<NumberedLibraryStep> library_steps_;
  std::shared_ptr<const Executable> executable_;
  std::vector<std::int64_t> dims_;
  bool may_raise_ = false;
};

}  // namespace duet
