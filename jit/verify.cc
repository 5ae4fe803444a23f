// verify: one call run three ways, compared bit by bit, and the first op that differs found.
#include <duet/function.h>
#include <duet/ops.h>

#include <mutex>

#include "graph/replay.h"
#include "graph/trace.h"
#include "jit/build_loop_plan.h"
#include "jit/function_state.h"
#include "jit/lowered_text.h"
#include "jit/op_watcher.h"
#include "passes/inline_calls.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet::internal {
namespace {

using Entry = ConcreteFunction::Entry;

// What a run leaves behind.
struct Outcome {
  std::string error;  ///< what it threw
  std::vector<Tensor> results, variables;
};

struct SeenOp {
  Op op;
  Tensor result;
  Line line;
};

// `element [2,0] is 3, should be 4`.
std::string Difference(const Tensor& is, const Tensor& should) {
  if (is.dtype() != should.dtype() || !(is.shape() == should.shape()))
    return "it is " + to_string(is.body()->type) + ", should be " + to_string(should.body()->type);
  const Tensor flat_is = reshape(is, {is.size()}), flat_should = reshape(should, {should.size()});
  for (std::int64_t i = 0; i < is.size(); ++i)
    if (!same_bits(flat_is(i), flat_should(i)))
      return "element " + ElementText(i, is.shape()) + " is " + to_string(flat_is(i)) + ", should be " +
             to_string(flat_should(i));
  return "";
}

std::string NodeText(Op op, const Tensor& result, Line line, const Tensor& should) {
  return std::string(name(op)) + " -> " + to_string(should.body()->type) + " (" + to_string(line) +
         "): " + Difference(result, should);
}

// Runs that use the same variables, each from the same start.
class Runs {
 public:
  explicit Runs(const Entry& entry) : entry_(entry) { before_ = Values(); }

  template <class F>
  Outcome Run(F&& f) {
    Restore();
    Outcome outcome;
    try {
      f(outcome.results);
    } catch (const std::exception& error) {
      outcome.error = error.what();
    }
    outcome.variables = Values();
    return outcome;
  }

  // Empty when both are the same.
  std::string Compare(const Outcome& is, const Outcome& should) const {
    if (is.error != should.error)
      return "error: " + (is.error.empty() ? "none" : is.error) +
             "\n  should be: " + (should.error.empty() ? "none" : should.error);
    for (std::size_t i = 0; i < should.results.size() && is.error.empty(); ++i)
      if (!same_bits(is.results[i], should.results[i]))
        return "result " + std::to_string(i) + ": " + Difference(is.results[i], should.results[i]);
    for (std::size_t i = 0; i < should.variables.size(); ++i)
      if (!same_bits(is.variables[i], should.variables[i]))
        return "variable " + entry_.variables[i]->name + ": " + Difference(is.variables[i], should.variables[i]);
    return "";
  }

  void Restore() {
    for (std::size_t i = 0; i < before_.size(); ++i) {
      std::lock_guard lock(entry_.variables[i]->mutex);
      entry_.variables[i]->value = before_[i];
    }
  }

 private:
  std::vector<Tensor> Values() const {
    std::vector<Tensor> values;
    for (const auto& variable : entry_.variables) {
      std::lock_guard lock(variable->mutex);
      values.push_back(variable->value);
    }
    return values;
  }

  const Entry& entry_;
  std::vector<Tensor> before_;
};

std::vector<Tensor> Leaves(const FlatArguments& arguments) {
  std::vector<Tensor> leaves;
  for (int i = 0; i < arguments.tensor_count; ++i) leaves.push_back(arguments.tensor(i));
  return leaves;
}

template <class F>
std::vector<SeenOp> Watch(Runs& runs, F&& run) {
  std::vector<SeenOp> ops;
  const OpWatcher watcher([&](Op op, Operands, const Tensor& result, Line line) { ops.push_back({op, result, line}); });
  runs.Run([&](std::vector<Tensor>&) { run(); });
  return ops;
}

// Both run the same ops in the same order, up to the one that is looked for.
std::string FirstDifference(const std::vector<SeenOp>& traced, const std::vector<SeenOp>& plain) {
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i == traced.size())
      return std::string(name(plain[i].op)) + " (" + to_string(plain[i].line) + ") was not run when it was traced";
    if (plain[i].op != traced[i].op)
      return "the plain call runs " + std::string(name(plain[i].op)) + " (" + to_string(plain[i].line) +
             ") where the trace has " + name(traced[i].op) + " (" + to_string(traced[i].line) + ")";
    if (!same_bits(traced[i].result, plain[i].result))
      return NodeText(traced[i].op, traced[i].result, traced[i].line, plain[i].result);
  }
  return "";
}

// Compiles the graph once more with every value among its results.
std::string FirstNativeDifference(Runs& runs, const Graph& optimized, const FlatArguments& arguments) {
  Graph graph = optimized;
  std::vector<ValueId> outputs;
  std::vector<const Node*> nodes;
  for (const Node& node : graph.nodes()) {
    for (std::int32_t i = 0; i < node.result_count && node.first_result >= 0; ++i) {
      outputs.push_back(node.first_result + i);
      nodes.push_back(&node);
    }
  }
  graph.set_outputs(outputs);
  Compiler* compiler = GetCompiler();
  if (!compiler || outputs.empty()) return "";
  const std::vector<Tensor> leaves = Leaves(arguments);
  const Outcome should = runs.Run([&](std::vector<Tensor>& results) { results = Replay(graph, leaves); });
  const Outcome is = runs.Run([&](std::vector<Tensor>& results) {
    LoopPlan plan = BuildLoopPlan(graph, PlanOptionsFromEnvironment());
    auto executable = compiler->Compile(plan);
    const NativeFunction native(graph, std::move(plan), std::move(executable));
    std::vector<const Tensor*> pointers;
    for (const Tensor& leaf : leaves) pointers.push_back(&leaf);
    native.Call(pointers, results);
  });
  if (!is.error.empty() || !should.error.empty()) return "";
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (!same_bits(is.results[i], should.results[i]))
      return NodeText(nodes[i]->op, is.results[i], nodes[i]->line, should.results[i]);
  return "";
}

std::string Indented(const std::string& what) { return what.empty() ? "" : "\n  first at " + what; }

}  // namespace

Verification VerifyFunction(FunctionState* state, const FlatArguments& arguments, const CallBody& call,
                            SourceLocation line) {
  if (!state) Fail<ValueError>("function", "it was moved to another function object", line);
  if (Trace::Active()) Fail<TraceError>(state->name(), "verify runs its function: not while one is traced", line);
  const std::shared_ptr<Entry> entry = state->FindOrTrace(arguments, call, line, false);
  for (int i = 0; i < arguments.tensor_count; ++i)
    if (!IsConcrete(arguments.tensor(i)))
      Fail<TraceError>(state->name(), UsedOutside(arguments.tensor(i), "an argument"), line);
  const LevelScope nothing(nullptr);
  const Eager plainly;
  const std::vector<Tensor> leaves = Leaves(arguments);
  Runs runs(*entry);

  std::string no_native = "there is no compiler";
  Outcome native;
  if (GetCompiler()) {
    CompileEntry(entry);
    if (const NativeFunction* code = entry->native.load(std::memory_order_acquire)) {
      native = runs.Run([&](std::vector<Tensor>& results) { CallNative(*code, *entry, arguments, results); });
      no_native.clear();
    } else {
      std::lock_guard lock(entry->mutex);
      no_native = entry->failure;
    }
  }
  const Outcome traced = runs.Run([&](std::vector<Tensor>& results) { results = Replay(entry->recorded, leaves); });
  const auto run_plainly = [&](std::vector<Tensor>& results) {
    FlatResults flat;
    call.run(call, leaves.data(), flat);
    results = std::move(flat.tensors);
  };

  Verification found;
  if (const std::string what = no_native.empty() ? runs.Compare(native, traced) : ""; !what.empty()) {
    found.same = false;
    found.text = state->name() + ": native code differs from the eager kernels: " + what;
    Graph optimized = OptimizedGraph(entry->recorded);
    InlineAllCalls(optimized);  // the op that differs may be in one
    const Outcome after = runs.Run([&](std::vector<Tensor>& results) { results = Replay(optimized, leaves); });
    if (runs.Compare(after, traced).empty())
      found.text += Indented(FirstNativeDifference(runs, optimized, arguments));
    else
      found.text += "\n  the graph after the passes differs as well: see DUET_DISABLE_PASSES";
  }
  Outcome plain = runs.Run(run_plainly);
  if (const std::string what = runs.Compare(traced, plain); !what.empty()) {
    found.same = false;
    found.text += (found.text.empty() ? "" : "\n") + state->name() + ": the trace differs from the plain call: " + what;
    const auto traced_ops = Watch(runs, [&] { Replay(entry->recorded, leaves); });
    const auto plain_ops = Watch(runs, [&] { run_plainly(plain.results); });
    found.text += Indented(FirstDifference(traced_ops, plain_ops));
  }
  if (found.same)
    found.text = state->name() + ": the same bits plainly, traced" + (no_native.empty() ? " and natively" : "") + " (" +
                 std::to_string(plain.results.size()) + " results, " + std::to_string(plain.variables.size()) +
                 " variables" + (no_native.empty() ? ")" : "; not natively: " + no_native + ")");
  return found;
}

}  // namespace duet::internal
